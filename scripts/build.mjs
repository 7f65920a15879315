// Builds dist/: the native parts, the program (tsbox.cjs) and the library (index.js, index.d.ts).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build, transform } from 'esbuild';

const top = new URL('..', import.meta.url).pathname;
process.chdir(top);
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

run('make', '--silent', '-C', 'native');
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/native', { recursive: true });
// Whoever runs tsbox first, root perhaps, fills it; whoever built it can remove it.
mkdirSync('dist/.compiled');
for (const part of ['tsbox-init', 'tsbox.node', 'seccomp.node', 'read-only-ram.so'])
  cpSync(`native/build/${part}`, `dist/native/${part}`);
cpSync('native/build/tsbox', 'bin/tsbox');

// What commander asks for and tsbox has no use for. `node:process` opens all standard streams, which
// sets a pipe to O_NONBLOCK for everyone who has it, the workload and the caller too;
// `node:child_process` is for commands that are programs of their own, and takes 7 ms to load.
const commanderWithout = {
  name: 'commander-without',
  setup({ onResolve, onLoad }) {
    const contents = {
      'node:process': 'export default globalThis.process;',
      'node:child_process': 'export default {};',
    };
    onResolve({ filter: /^node:(process|child_process)$/ }, ({ path, importer }) =>
      importer.includes('/commander/') ? { path, namespace: 'instead' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'instead' }, ({ path }) => ({ contents: contents[path] }));
  },
};

const bundle = {
  outdir: 'dist',
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node22',
};
await build({
  ...bundle,
  entryPoints: { index: 'src/index.ts' },
  format: 'esm',
  splitting: true,
  chunkNames: 'chunk-[hash]',
});
// The program is CommonJS, which Node starts 4 ms sooner than a module.
const program = {
  ...bundle,
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.dirname': '__dirname' },
  // A real import() would start the loader of modules.
  supported: { 'dynamic-import': false },
};
// What few commands need is in a file of its own: what is not read takes no time.
const execaApart = {
  name: 'execa-apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^execa$/ }, () => ({ path: './execa.cjs', external: true })),
};
await build({ ...program, entryPoints: { execa: 'execa' } });
// What is imported by import() in the program is a file of its own, too.
const parted = {
  '/make.ts': './seccomp.cjs',
  '/listener.ts': './listener.cjs',
  '/image-server.ts': './image-server.cjs',
  '/causes.ts': './causes.cjs',
  '/systemd.ts': './systemd.cjs',
  './config.ts': './config.cjs',
  './hooks.ts': './hooks.cjs',
  '/box-network.ts': './network.cjs',
};
const importsApart = {
  name: 'imports-apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\.ts$/ }, ({ kind, path }) => {
      if (kind !== 'dynamic-import') return undefined;
      const part = Object.keys(parted).find((end) => path.endsWith(end));
      return part === undefined ? undefined : { path: parted[part], external: true };
    }),
};
await build({
  ...program,
  // Worker threads are given a file, so that it is one for the library, too.
  entryPoints: {
    seccomp: 'src/seccomp/make.ts',
    listener: 'src/container/listener.ts',
    'image-server': 'src/container/image-server.ts',
    watcher: 'src/seccomp/watcher.ts',
    causes: 'src/causes/causes.ts',
    systemd: 'src/sandbox/systemd.ts',
    config: 'src/cli/config.ts',
    hooks: 'src/container/hooks.ts',
    network: 'src/sandbox/box-network.ts',
  },
  plugins: [execaApart],
});
await shipFilters();
const parts = await build({
  ...program,
  entryPoints: { all: 'src/cli/all.ts', 'run-container': 'src/cli/run-container.ts' },
  plugins: [commanderWithout, execaApart, importsApart],
  minify: false,
  write: false,
});
const hash = createHash('sha256');
for (const { path, text } of parts.outputFiles) {
  const { code } = await transform(askLate(text), {
    minify: true,
    target: bundle.target,
    format: 'cjs',
  });
  hash.update(code);
  // src/cli/tsbox.ts calls it. V8 copies strings below 128 KiB in its first collections of garbage.
  writeFileSync(path, `(function(module,require,__dirname){${code}})`.padEnd(2 ** 17));
}

await build({
  ...program,
  entryPoints: { tsbox: 'src/cli/tsbox.ts' },
  define: { ...program.define, BUILD: JSON.stringify(hash.digest('hex').slice(0, 16)) },
});

run(
  'tsc',
  '--noEmit',
  'false',
  '--declaration',
  '--emitDeclarationOnly',
  '--rootDir',
  'src',
  '--outDir',
  'dist/types',
  '--project',
  'tsconfig.build.json',
);

// Node's own modules are asked for where they are used first, once: some never are.
function askLate(text) {
  const modules = new Set();
  const names = [];
  const declaration =
    /^var (import_node_\w+) = (?:__toESM\()?require\("node:([a-z]+)"\)(?:, 1\))?;$/gm;
  const without = text.replace(declaration, (_, name, module) => {
    modules.add(module);
    names.push([name, module]);
    return '';
  });
  const functions = [...modules].map(
    (module) =>
      `let own_${module}; const node_${module} = () => own_${module} ??= require("node:${module}");`,
  );
  return names
    .reduce(
      (code, [name, module]) =>
        code.replace(new RegExp(`\\b${name}(\\.default)?\\.`, 'g'), `(node_${module}()).`),
      without,
    )
    .replace('"use strict";', `$& ${functions.join(' ')}`);
}

// The filters of tsbox's own seccomp profile for the usual capabilities and for none, so that hosts need
// libseccomp only for other ones. src/seccomp/filter.ts looks for them by these names.
async function shipFilters() {
  const { makeFilter } = createRequire(import.meta.url)('../dist/seccomp.cjs');
  mkdirSync('dist/seccomp');
  const usual = ['CAP_SYS_CHROOT', 'CAP_AUDIT_WRITE'];
  for (const arch of ['x64', 'arm64'])
    for (const held of [usual, ...usual.map((name) => [name]), []])
      writeFileSync(`dist/seccomp/${[arch, ...held].join('.')}`, makeFilter('default', arch, held));
}
