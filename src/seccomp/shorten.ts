/**
 * The same filter in fewer instructions. libseccomp compares with each number of a call that it knows,
 * and the kernel, which looks at all instructions when the filter is installed and tries it on every
 * number (seccomp(2), kernel/seccomp.c), takes longer the more they are. Most calls that follow each
 * other get the same answer: so each architecture is asked for ranges of numbers.
 *
 * The program is carried out for all numbers at once, as the range of those that come to an instruction;
 * where a condition holds for some of them alone, the range is parted. What is left of it for a range
 * are conditions on arguments. Equal ends are one (a diagram of decisions), and are written from the
 * last to the first, as jumps go forward only.
 */
import { callOffsets, encodeFilter, filterCodes } from '../abi/classic-bpf.ts';

type Instruction = Parameters<typeof encodeFilter>[0][number];

/** What can be left of a filter, as a node of the diagram; a number names another one. */
type Node =
  | { readonly kind: 'return'; readonly code: number; readonly value: number }
  | {
      readonly kind: 'load' | 'and';
      readonly code: number;
      readonly value: number;
      readonly next: number;
    }
  | {
      readonly kind: 'branch';
      readonly code: number;
      readonly value: number;
      readonly yes: number;
      readonly no: number;
    };

/** A range of numbers of calls, by its first, and what is left of the filter for it. */
interface Range {
  readonly first: number;
  readonly node: number;
}

const { LOAD_WORD, AND, JUMP, JUMP_EQUAL, JUMP_GREATER, JUMP_GREATER_OR_EQUAL, RETURN } =
  filterCodes;
const LAST_NUMBER = 2 ** 32 - 1;

/**
 * @param program an array of `struct sock_filter`, of libseccomp.
 * @param architectures every AUDIT_ARCH_… that the program asks for; all others get the same answer.
 * @returns the program itself where it does what this does not follow, or is as short.
 */
export function shorten(program: Uint8Array, architectures: readonly number[]): Uint8Array {
  try {
    const shorter = write(new Diagram(), program, architectures);
    return shorter.length < program.length ? shorter : program;
  } catch (error) {
    // A RangeError: one that is deeper than the stack of this thread.
    if (error instanceof Unfollowed || error instanceof RangeError) return program;
    throw error;
  }
}

class Unfollowed extends Error {}

function write(
  diagram: Diagram,
  program: Uint8Array,
  architectures: readonly number[],
): Uint8Array {
  const of = (architecture: number) =>
    diagram.byNumber(new SymbolicExecution(program, architecture, architectures, diagram).ranges());
  // No AUDIT_ARCH_… is 0: it stands for all others.
  let root = of(0);
  for (const architecture of architectures.toReversed())
    root = diagram.branch(JUMP_EQUAL, architecture, of(architecture), root);
  return encodeFilter(new Writer(diagram).write(diagram.load(callOffsets.ARCHITECTURE, root)));
}

/** Each node once. */
class Diagram {
  readonly all: Node[] = [];
  readonly #numbers = new Map<string, number>();

  #add(node: Node): number {
    const key = Object.values(node).join(' ');
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.all.length);
    return this.all.push(node) - 1;
  }

  return(value: number): number {
    return this.#add({ kind: 'return', code: RETURN, value });
  }

  load(offset: number, next: number): number {
    return this.#add({ kind: 'load', code: LOAD_WORD, value: offset, next });
  }

  and(value: number, next: number): number {
    return this.#add({ kind: 'and', code: AND, value, next });
  }

  branch(code: number, value: number, yes: number, no: number): number {
    return yes === no ? yes : this.#add({ kind: 'branch', code, value, yes, no });
  }

  /** @param ranges of all numbers, in their order. */
  byNumber(ranges: readonly Range[]): number {
    const parted = ranges.filter(({ node }, index) => node !== ranges[index - 1]?.node);
    const [only] = parted;
    if (only !== undefined && parted.length === 1) return only.node;
    return this.load(callOffsets.NUMBER, this.#search(parted));
  }

  #search(ranges: readonly Range[]): number {
    const middle = Math.ceil(ranges.length / 2);
    const { first = 0, node = 0 } = ranges[ranges.length > 1 ? middle : 0] ?? {};
    if (ranges.length === 1) return node;
    const [below, above] = [ranges.slice(0, middle), ranges.slice(middle)];
    return this.branch(JUMP_GREATER_OR_EQUAL, first, this.#search(above), this.#search(below));
  }
}

/** What the accumulator holds: the number, the architecture, or what only a call will tell. */
type Held = 'number' | 'architecture' | 'argument';

/** Carries a program out for one architecture and all numbers. */
class SymbolicExecution {
  readonly #view: DataView;
  readonly #architecture: number;
  readonly #architectures: readonly number[];
  readonly #known = new Map<string, number>();
  readonly #diagram: Diagram;

  /** @param architecture one of `architectures`, or another one that stands for all others. */
  constructor(
    program: Uint8Array,
    architecture: number,
    architectures: readonly number[],
    diagram: Diagram,
  ) {
    this.#view = new DataView(program.buffer, program.byteOffset, program.length);
    this.#architecture = architecture;
    this.#architectures = architectures;
    this.#diagram = diagram;
  }

  /** What is left from an instruction on (its offset), for the numbers from `first` to `last`. */
  ranges(at = 0, held: Held = 'argument', first = 0, last = LAST_NUMBER): Range[] {
    const { code, k, next } = this.#instruction(at);
    if (code === JUMP) return this.ranges(next + 8 * k, held, first, last);
    if (code === LOAD_WORD && k === callOffsets.NUMBER)
      return this.ranges(next, 'number', first, last);
    if (code === LOAD_WORD && k === callOffsets.ARCHITECTURE)
      return this.ranges(next, 'architecture', first, last);
    if (code === LOAD_WORD || code === RETURN)
      return [{ first, node: this.#node(at, first, last) }];
    if (held === 'argument') throw new Unfollowed();
    if (held === 'architecture') {
      // Of all others, which get one answer, no condition may tell some apart.
      if (code !== JUMP_EQUAL || !this.#architectures.includes(k)) throw new Unfollowed();
      return this.ranges(this.#target(at, this.#architecture === k), held, first, last);
    }
    return partsOf(code, k, first, last).flatMap((part) =>
      this.ranges(this.#target(at, part.holds), held, part.first, part.last),
    );
  }

  /** From the first look at an argument on. */
  #node(at: number, first: number, last: number): number {
    // Conditions on the two halves of an argument go on at the same place.
    const key = `${at} ${first} ${last}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = this.#follow(at, first, last);
    this.#known.set(key, found);
    return found;
  }

  #follow(at: number, first: number, last: number): number {
    const { code, k, next } = this.#instruction(at);
    const node = (from: number) => this.#node(from, first, last);
    if (code === RETURN) return this.#diagram.return(k);
    if (code === JUMP) return node(next + 8 * k);
    if (code === AND) return this.#diagram.and(k, node(next));
    if (code === LOAD_WORD && k > callOffsets.ARCHITECTURE)
      return this.#diagram.load(k, node(next));
    if (branches.has(code))
      return this.#diagram.branch(
        code,
        k,
        node(this.#target(at, true)),
        node(this.#target(at, false)),
      );
    const [only, ...others] = this.ranges(at, 'argument', first, last);
    if (only === undefined || others.some((other) => other.node !== only.node))
      throw new Unfollowed();
    return only.node;
  }

  #instruction(at: number): { readonly code: number; readonly k: number; readonly next: number } {
    const [code, k] = [this.#view.getUint16(at, true), this.#view.getUint32(at + 4, true)];
    return { code, k, next: at + 8 };
  }

  #target(at: number, holds: boolean): number {
    return at + 8 + 8 * this.#view.getUint8(at + (holds ? 2 : 3));
  }
}

const branches = new Set<number>([
  JUMP_EQUAL,
  JUMP_GREATER,
  JUMP_GREATER_OR_EQUAL,
  filterCodes.JUMP_SET,
]);

interface Part {
  readonly first: number;
  readonly last: number;
  readonly holds: boolean;
}

/** The numbers from `first` to `last`, by whether a condition holds for them. */
function partsOf(code: number, k: number, first: number, last: number): Part[] {
  const all = (): Part[] => {
    switch (code) {
      case JUMP_EQUAL:
        return [
          { first, last: k - 1, holds: false },
          { first: k, last: k, holds: true },
          { first: k + 1, last, holds: false },
        ];
      case JUMP_GREATER:
        return [
          { first, last: k, holds: false },
          { first: k + 1, last, holds: true },
        ];
      case JUMP_GREATER_OR_EQUAL:
        return [
          { first, last: k - 1, holds: false },
          { first: k, last, holds: true },
        ];
      default:
        throw new Unfollowed();
    }
  };
  return all()
    .map((part) => ({
      ...part,
      first: Math.max(part.first, first),
      last: Math.min(part.last, last),
    }))
    .filter((part) => part.first <= part.last);
}

/** The most instructions that a conditional jump passes over. */
const FARTHEST = 255;

/** Lays out what is left from its root on: the last instruction first. */
class Writer {
  readonly #diagram: Diagram;
  readonly #backwards: Instruction[] = [];
  /** How many instructions are left of the program from the one at which it begins on. */
  readonly #places = new Map<number, number>();

  constructor(diagram: Diagram) {
    this.#diagram = diagram;
  }

  write(root: number): Instruction[] {
    this.#place(root);
    return this.#backwards.toReversed();
  }

  #place(number: number): void {
    if (this.#places.has(number)) return;
    const node = this.#diagram.all[number];
    if (node === undefined) throw new Error(`no node ${number}`);
    if (node.kind === 'return') this.#add([node.code, 0, 0, node.value]);
    else if (node.kind === 'branch') this.#placeBranch(node);
    else {
      this.#place(node.next);
      if (this.#distance(node.next) > 0) this.#repeat(node.next);
      this.#add([node.code, 0, 0, node.value]);
    }
    this.#places.set(number, this.#backwards.length);
  }

  #placeBranch({ code, value, yes, no }: Extract<Node, { readonly kind: 'branch' }>): void {
    this.#place(no);
    this.#place(yes);
    // What one of them needs for it is passed over by the jump to the other.
    if (this.#distance(yes) >= FARTHEST) this.#repeat(yes);
    if (this.#distance(no) > FARTHEST) this.#repeat(no);
    this.#add([code, this.#distance(yes), this.#distance(no), value]);
  }

  #add(instruction: Instruction): void {
    this.#backwards.push(instruction);
  }

  /** How many instructions a jump from one that is added now passes over. */
  #distance(number: number): number {
    return this.#backwards.length - (this.#places.get(number) ?? 0);
  }

  /** Has it nearer: an end once more, or a jump to it. */
  #repeat(number: number): void {
    const node = this.#diagram.all[number];
    this.#add(
      node?.kind === 'return'
        ? [node.code, 0, 0, node.value]
        : [JUMP, 0, 0, this.#distance(number)],
    );
    this.#places.set(number, this.#backwards.length);
  }
}
