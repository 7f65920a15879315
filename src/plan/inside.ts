/**
 * Paths inside the root file system. The image is hostile: every path is resolved by
 * openat2(RESOLVE_IN_ROOT) from the root's own descriptor, so that `..` and absolute symbolic
 * links stay inside, and what is missing is made below a parent that was resolved the same way.
 */
import type { ErrnoName } from '../abi/errno.ts';
import type { Arch } from '../abi/syscalls.ts';
import { makeFile, mkdirat, type OpenFlag, openat2, type ResolveFlag, unlinkat } from './calls.ts';
import { type Slot, type Step, step } from './step.ts';

/** How links in the image are treated on the way to a mount point. */
export type Links = 'followed inside' | 'refused';

const resolution: Readonly<Record<Links, readonly ResolveFlag[]>> = {
  'followed inside': ['RESOLVE_IN_ROOT', 'RESOLVE_NO_MAGICLINKS'],
  refused: ['RESOLVE_IN_ROOT', 'RESOLVE_NO_MAGICLINKS', 'RESOLVE_NO_SYMLINKS'],
};

/**
 * The ways to look for a mount point, one after the other. A link of the image must not lead into
 * /proc (CVE-2019-16884): into another mount goes, where at all, who follows none.
 */
function waysTo(links: Links, { tree }: Place): readonly (readonly ResolveFlag[])[] {
  const within: readonly ResolveFlag[] = [...resolution[links], 'RESOLVE_NO_XDEV'];
  return tree === true ? [within, resolution.refused] : [within];
}

/** A path of the box. */
export interface Place {
  /** The root file system, or a mount that was attached before. */
  readonly base: Slot;
  /** Where that is in the box; empty for the root. */
  readonly at: string;
  /** From there on. */
  readonly path: string;
  /** Whether the base is a volume that came with the mounts below it. */
  readonly tree?: boolean;
}

/** Steps that put a descriptor of the directory into `into`, making what is missing of it. */
export function directoryInside(arch: Arch, place: Place, into: Slot, links: Links): Step[] {
  const { base, at } = place;
  const names = componentsOf(place.path);
  return names.flatMap((name, index) => {
    const last = index === names.length - 1;
    const parent = index === 0 ? base : `${into}.${index}`;
    const path = names.slice(0, index + 1).join('/');
    const shown = `${at}/${path}`;
    return [
      step(mkdirat(parent, name, 0o755), `the mount point ${shown} must exist`, {
        accept: ['EEXIST'],
        hint: makeHint(shown),
      }),
      ...find(arch, { ...place, path }, last ? into : `${into}.${index + 1}`, {
        kind: 'directory',
        links,
        why: 'found inside the image, whatever links it holds',
        hint: `${shown} must be a directory of the ${at === '' ? 'image' : `mount at ${at}`}, not reached through a link into another mount: use another image or path`,
      }),
    ];
  });
}

interface Search {
  readonly kind: 'directory' | 'file';
  readonly links: Links;
  readonly why: string;
  readonly hint?: string;
  /** Errors after which the slot stays empty. */
  readonly accept?: readonly ErrnoName[];
  /** Whether what was found before is kept. */
  readonly again?: boolean;
}

function find(arch: Arch, place: Place, into: Slot, search: Search): Step[] {
  const { kind, links, why, hint, accept = [], again = false } = search;
  const flags: readonly OpenFlag[] =
    kind === 'directory' ? ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'] : ['O_PATH', 'O_CLOEXEC'];
  const ways = waysTo(links, place);
  return ways.map((way, index) => {
    const accepted = index === ways.length - 1 ? accept : ([...accept, 'EXDEV'] as const);
    return step(openat2(arch, place.base, place.path, flags, way), why, {
      into,
      ...(again || index > 0 ? { unless: into } : {}),
      ...(accepted.length === 0 ? {} : { accept: accepted }),
      ...(hint === undefined ? {} : { hint }),
    });
  });
}

/** Steps that put a descriptor of the file into `into`, making it, empty, when missing. */
export function fileInside(arch: Arch, place: Place, into: Slot): Step[] {
  const { parent, directory, name, file, shown } = partsOf(arch, place, into);
  return [
    ...parent,
    // Not opened: a mount on which a file is open for writing cannot be made read-only.
    step(makeFile(directory, name, 0o644), `the mount point ${shown} must exist`, {
      accept: ['EEXIST'],
      hint: makeHint(shown),
    }),
    ...find(arch, file, into, {
      ...searchForFile,
      hint: `${shown} must not be reached through a link into another mount: use another image or path`,
    }),
  ];
}

const searchForFile = {
  kind: 'file',
  links: 'followed inside',
  why: 'the file to mount over',
} as const;

/**
 * The same for a file that the box can do without: a link that leads to no file gives way to one, and
 * where none can be made, in a volume that is read-only, the slot stays empty.
 */
export function fileIfPossible(arch: Arch, place: Place, into: Slot): Step[] {
  const { parent, directory, name, file, shown } = partsOf(arch, place, into);
  const why = `the mount point ${shown} must exist`;
  const hint = makeHint(shown);
  const search = { ...searchForFile, accept: ['ENOENT', 'ELOOP', 'EXDEV'] } as const;
  return [
    ...parent,
    step(makeFile(directory, name, 0o644), why, { accept: ['EEXIST', 'EROFS'], hint }),
    ...find(arch, file, into, search),
    step(unlinkat(directory, name), 'a link of the image that leads to no file of it', {
      unless: into,
      accept: ['ENOENT', 'EROFS'],
    }),
    step(makeFile(directory, name, 0o644), why, {
      unless: into,
      accept: ['EEXIST', 'EROFS'],
      hint,
    }),
    ...find(arch, file, into, { ...search, again: true }),
  ];
}

function partsOf(arch: Arch, place: Place, into: Slot) {
  const { base, at, path } = place;
  const names = componentsOf(path);
  const above = names.slice(0, -1).join('/');
  const directory = above === '' ? base : `${into}.parent`;
  return {
    parent:
      above === ''
        ? []
        : directoryInside(arch, { ...place, path: above }, directory, 'followed inside'),
    directory,
    name: names.at(-1) ?? '',
    file: { ...place, path: names.join('/') },
    shown: `${at}/${names.join('/')}`,
  };
}

function makeHint(shown: string): string {
  return `${shown} is missing and cannot be made where it should be: make it there, or use another path`;
}

/** A step that puts a descriptor of whatever is at `path` into `into`; passed over where nothing is. */
export function existingInside(arch: Arch, { base, path }: Place, into: Slot, why: string): Step {
  return step(
    openat2(arch, base, componentsOf(path).join('/'), ['O_PATH', 'O_CLOEXEC'], resolution.refused),
    why,
    {
      into,
      accept: ['ENOENT', 'ENOTDIR'],
      hint: `no link of the image is followed to ${path}: give the path that it leads to`,
    },
  );
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
