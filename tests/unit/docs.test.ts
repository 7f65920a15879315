import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const top = new URL('../../', import.meta.url);

test.each(['README.md', 'docs/architecture.md', 'docs/security.md'])(
  'every file that %s names is there',
  (document) => {
    const place = new URL(document, top);
    const links = [...readFileSync(place, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)\)/g)];
    const missing = links.filter(([, link = '']) => !existsSync(new URL(link, place)));
    expect(links.length).toBeGreaterThan(0);
    expect(missing).toEqual([]);
  },
);
