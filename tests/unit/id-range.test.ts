import { expect, test } from 'vitest';
import { pickIdRange } from '../../src/spec/id-range.ts';

test.each([
  ['', 524288],
  ['root:100000:65536', 524288],
  ['containers:200000:65536', 200000],
  ['containers:200000:65536\ntsbox:300000:65536\n', 300000],
  ['tsbox:300000:1000\ncontainers:200000:100000', 200000],
  ['tsbox:300000:1000\ntsbox:400000:65536', 400000],
  ['tsbox:0:65536', 524288],
  ['tsbox:4294967294:65536', 524288],
  ['tsbox:-1:65536\ntsbox:1e5:65536\ntsbox', 524288],
])('%j', (text, hostID) => {
  expect(pickIdRange(text)).toEqual({ containerID: 0, hostID, size: 65536 });
});
