// Builds dist/: the native parts, the program (tsbox.cjs) and the library (index.js, index.d.ts).
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { build } from 'esbuild';
import 'koffi';

const top = new URL('..', import.meta.url).pathname;
process.chdir(top);
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

run('make', '--silent', '-C', 'native');
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/native', { recursive: true });
for (const part of ['tsbox-init', 'libtsbox.so'])
  cpSync(`native/build/${part}`, `dist/native/${part}`);
// koffi's own JavaScript, which finds its native part, takes 10 ms: so it is found here, once.
const koffi = process.report.getReport().sharedObjects.find((path) => path.endsWith('koffi.node'));
cpSync(koffi, 'dist/native/koffi.node');

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
// The program is CommonJS, which Node starts 4 ms sooner than a module. What `run` does without is
// in files of its own: what is not read takes no time.
const apart = { './main.ts': './main.cjs', execa: './execa.cjs' };
await build({
  ...bundle,
  entryPoints: { tsbox: 'src/cli/tsbox.ts', main: 'src/cli/main.ts', execa: 'execa' },
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.dirname': '__dirname' },
  // A real import() would start the loader of modules.
  supported: { 'dynamic-import': false },
  plugins: [
    commanderWithout,
    {
      name: 'apart',
      setup: ({ onResolve }) =>
        onResolve({ filter: /^(\.\/main\.ts|execa)$/ }, ({ path, kind }) =>
          kind === 'entry-point' ? undefined : { path: apart[path], external: true },
        ),
    },
  ],
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
// Fills the cache of compiled code, so that the first run is as quick as the others.
execFileSync(process.execPath, ['dist/tsbox.cjs', 'explain', '--rootfs', '/', 'true']);
