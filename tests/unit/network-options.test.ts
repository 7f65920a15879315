import { expect, test } from 'vitest';
import { plainRoot } from '../../src/spec/caller-ids.ts';
import { ProblemList } from '../../src/spec/errors.ts';
import { networkRequest, withNetwork } from '../../src/spec/network-request.ts';
import { parsePublish, printPort } from '../../src/spec/ports.ts';
import { noOptions, type RunOptions } from '../../src/spec/run-options.ts';
import { problemsOf } from './problems.ts';

function asked(options: Partial<RunOptions>) {
  const problems = new ProblemList();
  const { network } = networkRequest(
    { command: [], ...noOptions, ...options },
    { ids: plainRoot },
    problems,
  );
  problems.throwIfAny();
  return network;
}

const refusal = (make: () => unknown) => problemsOf(make).join('\n');

test('a box without any such flag has nothing to do with networks', () => {
  expect(asked({})).toBeUndefined();
  expect(asked({ network: 'none' })).toBeUndefined();
  expect(asked({ network: 'private' })).toBeUndefined();
});

test.each([
  ['host', { kind: 'host' }],
  ['ns:/run/netns/a', { kind: 'namespace', path: '/run/netns/a' }],
  ['bridge', { kind: 'bridge', network: { name: 'tsbox', bridge: 'tsbox0' } }],
  ['tsbox', { kind: 'bridge', network: { name: 'tsbox', bridge: 'tsbox0' } }],
])('--network %s', (network, choice) => {
  expect(asked({ network })?.choice).toMatchObject(choice);
});

test.each([
  ['blue', /^--network blue: no network is called so: `tsbox network create blue`/],
  ['bridge:ip=10.0.0.1', /^--network bridge:ip=10.0.0.1: options behind a network/],
  ['ns:relative', /^--network ns:relative: ns: needs the absolute path/],
  ['container:', /^--network container:: container: needs the id/],
  ['container:../x', /^--network container:..\/x: container: needs the id/],
  ['slirp4netns', /^--network slirp4netns: not something that tsbox has: none, host, bridge/],
  ['a b', /^--network a b: not a network: none, host/],
  ['', /^--network : not a network/],
])('--network %j is refused', (network, message) => {
  expect(refusal(() => asked({ network }))).toMatch(message);
});

test.each([
  ['8080:80', ['8080:80/tcp']],
  ['8080:80/udp', ['8080:80/udp']],
  ['127.0.0.1:8080:80', ['127.0.0.1:8080:80/tcp']],
  ['0.0.0.0:8080:80', ['8080:80/tcp']],
  ['[2001:db8::1]:8080:80', ['[2001:db8::1]:8080:80/tcp']],
  ['8000-8002:80-82', ['8000:80/tcp', '8001:81/tcp', '8002:82/tcp']],
  ['1:65535', ['1:65535/tcp']],
])('--publish %s', (word, ports) => {
  expect(parsePublish(word).map(printPort)).toEqual(ports);
  expect(ports.flatMap(parsePublish)).toEqual(parsePublish(word));
});

test.each([
  ['', /not of the form \[IP:\]HOST:BOX/],
  ['80', /a port of the host must be given/],
  ['127.0.0.1::80', /a port of the host must be given/],
  [':80', /a port of the host must be given/],
  ['0:80', /ports are numbers from 1 to 65535/],
  ['80:65536', /ports are numbers from 1 to 65535/],
  ['8000-8001:80', /both ranges must have as many/],
  ['9-8:9-8', /ports are numbers/],
  ['80:80/sctp', /sctp is no protocol/],
  ['1.2.3:80:80', /1.2.3 is no address/],
  ['a;drop:80:80', /a;drop is no address/],
  ['[::1]:80:80', /packets to ::1/],
  ['[::]:80:80', /leave the address out/],
  ['80:80:80:80', /not of the form/],
  ['80:80;flush', /not of the form/],
])('--publish %j is refused', (word, message) => {
  expect(refusal(() => parsePublish(word))).toMatch(message);
  expect(refusal(() => parsePublish(word))).toContain(`--publish ${word}: `);
});

test('what cannot be had together is refused, all of it at once', () => {
  const text = refusal(() =>
    asked({ network: 'none', publish: ['8080:80'], dns: ['192.0.2.1', 'x'], addHost: ['a'] }),
  );
  expect(text.split('\n')).toEqual([
    expect.stringMatching(/^--publish 8080:80: ports are led into boxes on a bridge/),
    expect.stringMatching(/^--dns, .*: a box without a network asks nobody/),
    expect.stringMatching(/^--dns x: not an address/),
    expect.stringMatching(/^--add-host a: not of the form NAME:ADDRESS/),
  ]);
  expect(refusal(() => asked({ network: 'host', publish: ['80:80'] }))).toMatch(
    /use the ports of the host, which this box has already/,
  );
  expect(refusal(() => asked({ network: 'bridge', publish: ['80:1', '80:2'] }))).toBe(
    '--publish: 80/tcp of the host is given twice; it can lead to one port of the box',
  );
});

test('names are read as podman reads them', () => {
  const names = asked({
    network: 'bridge',
    dns: ['192.0.2.53', '2001:db8::53'],
    dnsSearch: ['example.org', '.'],
    dnsOption: ['ndots:2', 'rotate'],
    addHost: ['db:192.0.2.7', 'a;b:2001:db8::7', 'c:[::1]'],
  })?.names;
  expect(names?.search).toEqual(['example.org', '.']);
  expect(names?.options).toEqual(['ndots:2', 'rotate']);
  expect(names?.hosts.map(({ name }) => name)).toEqual(['db', 'a', 'b', 'c']);
});

test.each([
  { dnsSearch: ['a b'] },
  { dnsSearch: ['-a'] },
  { dnsOption: ['a b'] },
  { dnsOption: ['x\nnameserver 192.0.2.1'] },
  { addHost: ['a b:192.0.2.1'] },
  { addHost: ['a\n:192.0.2.1'] },
  { addHost: [':192.0.2.1'] },
  { addHost: ['a:192.0.2.1 b'] },
  { addHost: ['a:host-gateway'] },
])('%j would be more than a word of those files', (options) => {
  expect(refusal(() => asked({ network: 'bridge', ...options }))).toMatch(/^--(dns|add)-/);
});

test('the network of the host is one that is not in the specification', () => {
  const namespaces = [{ type: 'pid' }, { type: 'network' }] as const;
  expect(withNetwork(namespaces, asked({ network: 'host' }))).toEqual([{ type: 'pid' }]);
  expect(withNetwork(namespaces, asked({ network: 'bridge' }))).toEqual(namespaces);
});
