// Builds dist/: the native parts, the program (tsbox.js) and the library (index.js, index.d.ts).
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const top = new URL('..', import.meta.url).pathname;
process.chdir(top);
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' });

run('make', '--silent', '-C', 'native');
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/native', { recursive: true });
for (const part of ['tsbox-init', 'libtsbox.so'])
  cpSync(`native/build/${part}`, `dist/native/${part}`);

// `import process from 'node:process'` makes Node open all standard streams, which sets a pipe to
// O_NONBLOCK for everyone who has it: for the workload and the caller, too.
const processWithoutStreams = {
  name: 'process-without-streams',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'process', namespace: 'global' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'global' }, () => ({
      contents: 'export default globalThis.process;',
    }));
  },
};

await build({
  entryPoints: ['src/cli/tsbox.ts', 'src/index.ts'],
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  outdir: 'dist',
  bundle: true,
  splitting: true,
  minify: true,
  sourcemap: false,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  // Its own files say where its native library is.
  external: ['koffi'],
  plugins: [processWithoutStreams],
  banner: {
    // CommonJS packages inside the bundle call require.
    js: 'import { createRequire as tsboxRequire } from "node:module"; const require = tsboxRequire(import.meta.url);',
  },
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
execFileSync(process.execPath, ['dist/tsbox.js', '--version']);
