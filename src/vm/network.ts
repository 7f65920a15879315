/** What the network card of a micro-VM is connected to: a bridge, or passt, which pasta leads out. */
import { closeSync } from 'node:fs';
import { defaultRoutes } from '../linux/default-routes.ts';
import { socketPair } from '../linux/unix-socket.ts';
import type { Host } from '../plan/host.ts';
import type { ServerPlan } from '../plan/jailed-program.ts';
import { attachMachine, INTERFACE } from '../plan/network.ts';
import { clientOfPasst, placeBehindPasst, planPasst } from '../plan/passt.ts';
import { carryOut } from '../sandbox/actions.ts';
import { enterNetwork } from '../sandbox/box-network.ts';
import { aboutPasta, readyPath, startPasta } from '../sandbox/pasta.ts';
import { whenReady } from '../sandbox/ready.ts';
import { Refused } from '../sandbox/refusal.ts';
import type { Early } from '../sandbox/sandbox.ts';
import { type RunningServer, startServer } from '../sandbox/server.ts';
import type { BoxState } from '../sandbox/state.ts';
import { find } from '../sandbox/tool.ts';
import { type About, unserved } from '../sandbox/unserved.ts';
import type { BoxNetwork, BoxRequest } from '../spec/box.ts';
import type { Place, PublishedPort } from '../spec/network.ts';
import type { Connection } from './machine.ts';
import type { Premises } from './premises.ts';
import { passt } from './tools.ts';

/** A box on the network that it asks for. */
export interface Connected {
  readonly box: BoxRequest;
  /** What its network card is connected to; absent where it has no network. */
  readonly card?: Connection | undefined;
  /** @returns why it had no network from some time on, if it had none; a sentence each. */
  end(box: Parameters<RunningServer['end']>[0]): Promise<string[]>;
}

export interface Surroundings {
  /** The state directory of boxes. */
  readonly boxes: string;
  readonly state: BoxState;
  readonly host: Host;
  readonly premises: Premises;
  readonly say: (message: string) => void;
  readonly early: Early | undefined;
}

/** @throws BoxError, and nothing runs that this has started. */
export async function connect(request: BoxRequest, surroundings: Surroundings): Promise<Connected> {
  const { network: asked, spec } = request;
  const none = { end: async () => [] };
  if (asked === undefined) return { box: request, ...none };
  let connection: Pick<Connected, 'card' | 'end'> = none;
  const attach = async (given: BoxNetwork): Promise<BoxNetwork> => {
    if (given.choice.kind === 'pasta') {
      const { place, ...others } = await lead(given.choice.program, given.ports, surroundings);
      connection = others;
      return { ...given, place };
    }
    if (given.attachment === undefined) return given;
    const made = await carryOut(attachMachine(surroundings.state.id, given.attachment));
    const [cable] = made.descriptors;
    connection = { ...none, card: cable === undefined ? undefined : { kind: 'tap', cable } };
    return given;
  };
  const { boxes, state, say } = surroundings;
  const network = await enterNetwork(boxes, state, asked, spec, { say, attach });
  return { box: { ...request, network }, ...connection };
}

const aboutPasst: About = {
  ...aboutPasta,
  call: 'passt',
  why: 'it turns what the network card of the micro-VM sends into connections of a process',
};

interface Led extends Pick<Connected, 'card' | 'end'> {
  readonly place: Place;
}

/** @throws Refused */
async function lead(
  program: string,
  ports: readonly PublishedPort[],
  surroundings: Surroundings,
): Promise<Led> {
  const { boxes, state, host, early } = surroundings;
  const ready = readyPath(boxes, state.id, 'passt');
  const plan = passtOf(state.id, surroundings, ready, ports);
  const [mine, theirs] = socketPair();
  let pasta: RunningServer | undefined;
  let families: (4 | 6)[] = [];
  const leadOut = async (pid: number): Promise<void> => {
    const client = clientOfPasst(state.id, pid, surroundings.premises.nobody, ports);
    pasta = await startPasta(client, host, program, state, early?.abort).catch((error: Error) => {
      throw unserved(aboutPasta, error.message, error);
    });
    families = defaultRoutes(pid, INTERFACE);
  };
  try {
    const passt = await whenReady('passt', ready, early?.abort, () =>
      startServer('passt', plan, state, {
        extra: [theirs],
        meanwhile: async (process) => {
          if (!process.arrives()) return;
          await leadOut(process.pid);
          process.go();
        },
      }),
    );
    const end: Connected['end'] = async (box) => {
      const whys = [await passt.end(box), await pasta?.end(box)];
      return whys.flatMap((why) => why ?? []);
    };
    return { card: { kind: 'stream', cable: mine }, place: placeBehindPasst(families), end };
  } catch (error) {
    await pasta?.end('never ran');
    closeSync(mine);
    throw error instanceof Refused ? error : unserved(aboutPasst, (error as Error).message, error);
  } finally {
    closeSync(theirs);
  }
}

/** @throws BoxError where it is not installed. */
export function passtOf(
  id: string,
  { premises, host }: Pick<Surroundings, 'premises' | 'host'>,
  ready: string,
  ports: readonly PublishedPort[],
): ServerPlan {
  const around = { ...premises, cgroup: host.cgroup };
  return planPasst(id, around, { program: find(passt), ready, ports });
}
