import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMount } from '../../src/spec/mount-option.ts';
import { parseTmpfs, parseVolume } from '../../src/spec/volumes.ts';
import { problemsOf } from './problems.ts';

const read = (text: string) => parseMount(text, { cwd: '/here' });

test.each([
  ['type=bind,src=/a,dst=/b', '/a:/b'],
  ['type=bind,source=a,target=/b', 'a:/b'],
  ['dst=/b,src=./a,type=bind,ro', './a:/b:ro'],
  ['type=bind,src=/a,destination=/b,ro=true', '/a:/b:ro'],
  ['type=bind,src=/a,dst=/b,readonly', '/a:/b:ro'],
  ['type=bind,src=/a,dst=/b,readonly=false', '/a:/b:rw'],
  ['type=bind,src=/a,dst=/b,rw=0', '/a:/b:ro'],
  ['type=bind,src=/a,dst=/b,bind-propagation=rslave', '/a:/b:rslave'],
  ['type=bind,src=/a,dst=/b,bind-nonrecursive', '/a:/b:bind'],
  ['type=bind,src=/a,dst=/b,bind-nonrecursive=false', '/a:/b:rbind'],
  ['type=bind,src=/a,dst=/b,idmap,noexec,noatime', '/a:/b:idmap,noexec,noatime'],
  ['type=bind,src=/a,dst=/b,idmap=true', '/a:/b:idmap'],
  ['type=bind,src=/a,dst=/b,idmap=false,ro', '/a:/b:ro'],
  ['type=bind,src=/a,dst=/b,suid=true,dev=false', '/a:/b:suid,nodev'],
  ['type=bind,src=/a,dst=/b,chown=false', '/a:/b'],
])('--mount %s is --volume %s', (text, volume) => {
  expect(read(text)).toEqual(parseVolume(volume, '/here'));
});

test.each([
  ['type=tmpfs,dst=/t', '/t'],
  ['type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700', '/t:size=1m,mode=700'],
  ['type=tmpfs,dst=/t,ro,exec,noatime', '/t:ro,exec,noatime'],
  ['type=tmpfs,dst=/t,ro=false,exec=false', '/t:rw,noexec'],
  ['type=tmpfs,dst=/t,size=1k,uid=7', '/t:size=1k,uid=7'],
])('--mount %s is --tmpfs %s', (text, tmpfs) => {
  expect(read(text)).toEqual(parseTmpfs(tmpfs));
});

test('a field in double quotes may hold commas, colons and quotes', () => {
  const mount = read('type=bind,"src=/a,b:c""d","dst=/e,f"');
  expect(mount).toMatchObject({ source: '/a,b:c"d', destination: '/e,f' });
});

test('whatever a path holds, it can be written', () => {
  const paths = fc
    .array(
      fc.string({ minLength: 1 }).filter((name) => !/[/\0]|^\.{1,2}$/.test(name)),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    .map((names) => `/own/${names.join('/')}`);
  fc.assert(
    fc.property(paths, paths, (source, destination) => {
      const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;
      const text = `type=bind,${quoted(`src=${source}`)},${quoted(`dst=${destination}`)}`;
      expect(read(text)).toMatchObject({ source, destination });
    }),
  );
});

test.each([
  ['', 'dst= is missing: where in the box'],
  ['dst=/b', 'type=volume: tsbox has no named volumes; type=bind shares a directory'],
  ['type=nfs,dst=/b', 'type=nfs: bind, image and tmpfs are known'],
  ['type=glob,src=/a*,dst=/b', /^type=glob: tsbox looks for no files/],
  ['type=image,dst=/b', 'src= is missing: which image'],
  ['type=image,src=a,dst=/b,rw', /^rw: an image is mounted read-only/],
  ['type=image,src=a,dst=/b,subpath=/x', /^subpath: links in the image could lead out of it/],
  ['type=image,src=a,dst=/b,noexec', /^unknown option "noexec": idmap, rw and subpath are known$/],
  ['type=bind,src=/a,dst=/b,no-dereference', /^no-dereference: /],
  ['type=bind,dst=/b', 'src= is missing: what of the host'],
  ['type=bind,src=/a', 'dst= is missing: where in the box'],
  ['type=bind,src=,dst=/b', 'src= needs a value'],
  ['type=bind,src=/a,dst', 'dst= needs a value'],
  ['type=bind,src=/a,dst=/b,target=/c', 'dst= is given twice'],
  ['type=bind,src=/a,dst=/proc/x', /belongs to the box/],
  ['type=bind,src=/a,dst=/b,ro=maybe', 'ro=maybe: true and false are allowed'],
  ['type=bind,src=/a,dst=/b,ro,rw', 'rw and ro contradict each other; give one of them or none'],
  ['type=bind,src=/a,dst=/b,bind-propagation', /^unknown option ""/],
  ['type=bind,src=/a,dst=/b,relabel=shared', /^z: .*SELinux/],
  ['type=bind,src=/a,dst=/b,relabel=private', /^Z: .*SELinux/],
  ['type=bind,src=/a,dst=/b,U', /^U: .*owner/],
  ['type=bind,src=/a,dst=/b,tmpfs-size=1', /^unknown option "tmpfs-size=1"/],
  ['type=bind,"src=/a"x,dst=/b', 'a double quote must enclose a whole field'],
  ['type=bind,src="/a",dst=/b', 'a double quote must enclose a whole field'],
  ['type=tmpfs,src=/a,dst=/t', 'src= with type=tmpfs: it begins empty; leave it out'],
  ['type=tmpfs,dst=/t,tmpcopyup', /^tmpcopyup: tsbox copies nothing/],
  ['type=tmpfs,dst=/t,bind-nonrecursive', /^unknown option "bind-nonrecursive"/],
])('--mount %j is refused', (text, problem) => {
  const [found = '', ...more] = problemsOf(() => read(text));
  expect(more).toEqual([]);
  expect(found.startsWith(`--mount ${text}: `)).toBe(true);
  const said = found.slice(`--mount ${text}: `.length);
  if (typeof problem === 'string') expect(said).toBe(problem);
  else expect(said).toMatch(problem);
});
