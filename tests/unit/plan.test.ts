/** The plans of some boxes, whole, as `explain` shows them: tests/unit/golden/. */
import { expect, test } from 'vitest';
import { type HostAction, printAction } from '../../src/plan/action.ts';
import { type ContainerPlan, planContainer } from '../../src/plan/container.ts';
import { attachMachine } from '../../src/plan/network.ts';
import { printSections, printWithReason } from '../../src/plan/print.ts';
import { fuseOverlayfs } from '../../src/plan/served-root.ts';
import { addressIn, parseSubnet } from '../../src/spec/addresses.ts';
import type { BoxNetwork } from '../../src/spec/box.ts';
import type { Attachment } from '../../src/spec/network.ts';
import { container, guest, ofUser, request, someHost, subordinate } from './boxes.ts';

const standard = container({});
const standardTexts = new Set(standard.sections.map((section) => printSections([section])));

/** Sections that are as in the plan of the box without flags are only named. */
function print(plan: ContainerPlan): string {
  return [
    ...actions('before the clone', plan.before),
    `# clone3 of\n${plan.clone.join('|')} into ${plan.cgroup?.entry ?? 'the caller’s cgroup'}`,
    ...actions('while the child waits', plan.during),
    sectionsOf(plan, plan === standard),
    ...actions('when the child has ended', plan.after),
  ].join('\n\n');
}

function sectionsOf({ sections }: Pick<ContainerPlan, 'sections'>, whole = false): string {
  return sections
    .map((section) => {
      const text = printSections([section]);
      return whole || !standardTexts.has(text) ? text : `## ${section.title}: as in default.txt\n`;
    })
    .join('\n');
}

function actions(when: string, list: readonly HostAction[]): string[] {
  const lines = list.map((action) => printWithReason(printAction(action), action.why));
  return lines.length === 0 ? [] : [`# ${when}`, lines.join('\n')];
}

const { cgroup, ...withoutCgroup } = someHost;
const network = {
  name: 'blue',
  bridge: 'tsbox1',
  subnets: ['10.91.0.0/24', 'fd00:91::/64'].flatMap((word) => parseSubnet(word) ?? []),
  internal: false,
};
const addresses = network.subnets.map((subnet) => addressIn(subnet, 2n));
const attachment: Attachment = { network, addresses, mtu: 1400, ports: [] };
/** What a box that has joined a network was given. */
const joined: BoxNetwork = {
  choice: { kind: 'bridge', network },
  ports: [],
  attachment,
  files: [{ source: '/run/tsbox/networks/boxes/ID/hosts', destination: '/etc/hosts' }],
};
const connected = request({ network: 'bridge', publish: ['8080:80'], hostname: 'web' });
const networked = planContainer({ ...connected, id: '0123456789ab', network: joined }, someHost);

test.each<[string, ContainerPlan]>([
  ['network', networked],
  ['network-host', container({ network: 'host' })],
  ['default', standard],
  ['read-only', container({ readOnly: true })],
  ['writable', container({ writable: true })],
  [
    'volumes',
    container({
      volume: ['/host/directory:/data/a', '/host/file:/etc/motd:ro'],
      tmpfs: ['/run:size=1m,exec'],
    }),
  ],
  ['devices', container({ device: ['/dev/null', '/dev/one:/dev/sub/two:r', '/dev/one:/opt/d'] })],
  ['host-ids', container({ userns: 'host' })],
  ['one-id', ofUser({})],
  ['keep-id', ofUser({ userns: 'keep-id', user: '1000' })],
  ['subordinate-ids', ofUser({}, subordinate)],
  ['limits', container({ memory: '64m', cpus: '0.5', pidsLimit: '100' })],
  ['no-cgroup', container({}, withoutCgroup)],
  [
    'by-path',
    container(
      { volume: ['/host/directory:/data:ro', '/host/file:/etc/motd'], readOnly: true },
      {
        ...someHost,
        mountApi: 'paths',
        sourceMounts: new Map([
          [
            '/host/directory',
            {
              point: '/host',
              attributes: ['MOUNT_ATTR_NOEXEC'],
              propagation: 'shared',
              nested: false,
            },
          ],
        ]),
      },
    ),
  ],
  [
    'volume-options',
    container({
      userns: 'auto',
      volume: ['/host/directory:/a:bind,ro,noatime', '/host/directory:/b:idmap,rro,nodiratime'],
      mount: ['type=bind,src=/host/directory,dst=/c,bind-propagation=rslave,suid'],
    }),
  ],
  ['no-overlay', container({}, { ...someHost, overlay: false })],
  [
    'served',
    ofUser({}, subordinate, {
      overlay: false,
      rootServer: fuseOverlayfs('/usr/bin/fuse-overlayfs'),
    }),
  ],
  ['user', container({ user: 'user', workdir: '/home', umask: '077', hostname: 'h' })],
  ['rlimits', container({ ulimit: ['nofile=1024:2048', 'core=0', 'memlock=unlimited'] })],
])('plan of a container: %s', async (name, plan) => {
  await expect(print(plan)).toMatchFileSnapshot(`golden/${name}.txt`);
});

test('plan of a guest', async () => {
  const plan = guest({ volume: ['/host/directory:/data:ro'] });
  const shares = plan.shares.map(
    ({ tag, source, readonly }) => `${tag}: ${source}${readonly ? ', read-only' : ''}\n`,
  );
  const text = `# shares\n${shares.join('')}\n${sectionsOf(plan)}`;
  await expect(text).toMatchFileSnapshot('golden/guest.txt');
});

test('what the guest of a machine on a network does beside', async () => {
  const plan = guest({}, new Map(), 'shared', joined);
  const usual = new Set(guest({}).sections.map((section) => printSections([section])));
  const sections = plan.sections.map((section) => printSections([section]));
  const text = [
    ...actions('on the host', attachMachine('0123456789ab', attachment)),
    ...sections.filter((section) => !usual.has(section)),
  ].join('\n\n');
  await expect(text).toMatchFileSnapshot('golden/guest-network.txt');
});
