/**
 * The rules of this code that a compiler does not know: who may import whom, what the layers below the transport must not
 * touch, and what no source has. Every import counts: `import type`, `export from`, `import()` and import('x').T.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LINES_MAX = 600;

interface Layer {
  /** A folder or a file below src/. The longest that fits a file is its layer. */
  readonly place: string;
  /** Folders and files below src/ that it may import besides its own. */
  readonly mayImport: readonly string[];
  /** Runs in a simulation: no sockets, files, timers, clocks, randomness, process or promises. */
  readonly isPure?: true;
}

const BELOW_THE_ROOT = ['util', 'native', 'backend', 'scsi', 'iscsi', 'isns', 'transport', 'mgmt'];

/** From the bottom up. */
const LAYERS: readonly Layer[] = [
  { place: 'util', mayImport: [] },
  { place: 'iscsi/codec', mayImport: ['util'], isPure: true },
  { place: 'native', mayImport: ['util'] },
  { place: 'backend', mayImport: ['util', 'native'] },
  { place: 'scsi', mayImport: ['util', 'backend/backend.ts'], isPure: true },
  { place: 'iscsi/protocol', mayImport: ['util', 'iscsi/codec', 'scsi'], isPure: true },
  { place: 'isns', mayImport: ['util'], isPure: true },
  { place: 'isns/tcp-client.ts', mayImport: ['isns'] },
  { place: 'transport', mayImport: ['util', 'native', 'iscsi'] },
  { place: 'mgmt', mayImport: ['util', 'scsi', 'iscsi', 'isns/constants.ts', 'backend'] },
  // The composition root.
  { place: 'reactor.ts', mayImport: BELOW_THE_ROOT },
  { place: 'name-service.ts', mayImport: BELOW_THE_ROOT },
  { place: 'running-daemon.ts', mayImport: [...BELOW_THE_ROOT, 'reactor.ts'] },
  { place: 'medium-change.ts', mayImport: [...BELOW_THE_ROOT, 'reactor.ts', 'running-daemon.ts'] },
  { place: 'reload.ts', mayImport: [...BELOW_THE_ROOT, 'medium-change.ts', 'reactor.ts', 'running-daemon.ts'] },
  { place: 'reactors', mayImport: [...BELOW_THE_ROOT, 'reactor.ts', 'reload.ts', 'running-daemon.ts'] },
  { place: 'daemon.ts', mayImport: [...BELOW_THE_ROOT, 'reactor.ts', 'reload.ts', 'reactors', 'name-service.ts'] },
  {
    place: 'index.ts',
    mayImport: [...BELOW_THE_ROOT, 'reactor.ts', 'reload.ts', 'reactors', 'name-service.ts', 'daemon.ts'],
  },
  {
    place: 'cli',
    mayImport: ['mgmt/config/schema/schema.ts', 'mgmt/daemon-options.ts', 'mgmt/config/config-error.ts'],
  },
  // The one way into the composition root from the command line: loaded when the verb runs, so that --help stays quick.
  {
    place: 'cli/daemon.ts',
    mayImport: ['mgmt/daemon-options.ts', 'daemon.ts'],
  },
];

const PURE_NODE_MODULES: readonly string[] = ['node:buffer'];
const IMPURE_NAMES = new Set([
  ...['process', 'Promise', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
  ...['performance', 'Date', 'fetch', 'console', 'globalThis'],
]);
const NAMELESS = ['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'shared', 'lib', 'index'];

interface SourceFile {
  /** From the root of the repository, with "/". */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly string[];
}

function readSources(...folders: string[]): SourceFile[] {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
  );
  return paths.sort().map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return {
      path,
      text,
      imports: importsOf(text),
      tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
    };
  });
}

function importsOf(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

const sources = readSources('src');
const everything = [...sources, ...readSources('test', 'scripts', 'bench')];

/** The path below src/ that a relative import leads to. */
function destination(path: string, specifier: string): string {
  return relative('src', join(dirname(path), specifier));
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

function layerOf(path: string): Layer | undefined {
  const fitting = LAYERS.filter(({ place }) => isWithin(path, place));
  return fitting.sort((a, b) => b.place.length - a.place.length)[0];
}

function isAllowed(from: string, to: string): boolean {
  const layer = layerOf(from);
  return layer !== undefined && [layer.place, ...layer.mayImport].some((place) => isWithin(to, place));
}

function relativeImports({ path, imports }: SourceFile): string[] {
  return imports.filter((specifier) => specifier.startsWith('.')).map((specifier) => destination(path, specifier));
}

/** What a file needs before it can run: all but `import type` and `export type`. */
function loadedImports({ path, tree }: SourceFile): string[] {
  return tree.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const isTypeOnly = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    const specifier = statement.moduleSpecifier;
    if (isTypeOnly || specifier === undefined || !ts.isStringLiteral(specifier)) return [];
    return specifier.text.startsWith('.') ? [destination(path, specifier.text)] : [];
  });
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

describe('layers', () => {
  it('every kind of import is seen', () => {
    const text = `import { a } from './a.ts'; import type { B } from './b.ts'; export { c } from './c.ts';
      const d = await import('./d.ts'); type E = import('./e.ts').E; import './f.ts';`;
    expect(importsOf(text).sort()).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts']);
  });

  it.each([
    ['util/clock.ts', 'backend/backend.ts'],
    ['scsi/task/task.ts', 'backend/file.ts'],
    ['scsi/task/task.ts', 'iscsi/codec/bhs.ts'],
    ['iscsi/codec/bhs.ts', 'iscsi/protocol/keys.ts'],
    ['iscsi/protocol/login.ts', 'native/binding.ts'],
    ['transport/tcp.ts', 'scsi/command/command.ts'],
    ['mgmt/config.ts', 'transport/tcp.ts'],
    ['cli/program.ts', 'daemon.ts'],
    ['cli/version.ts', 'mgmt/config.ts'],
    ['elsewhere/file.ts', 'util/clock.ts'],
  ])('%s may not import %s', (from, to) => {
    expect(isAllowed(from, to)).toBe(false);
  });

  it('the table has every file of src', () => {
    const homeless = sources.filter(({ path }) => layerOf(relative('src', path)) === undefined);
    expect(homeless.map(({ path }) => path)).toEqual([]);
  });

  it('imports point down the table', () => {
    const upward = sources.flatMap((source) => {
      const from = relative('src', source.path);
      return relativeImports(source)
        .filter((to) => !isAllowed(from, to))
        .map((to) => `${from} imports ${to}`);
    });
    expect(upward).toEqual([]);
  });

  it('only native/binding.ts loads an addon', () => {
    const loaders = sources.filter(
      ({ imports, text }) => imports.includes('node-gyp-build') || /\.node['"`]/.test(text),
    );
    expect(loaders.map(({ path }) => path).filter((path) => path !== 'src/native/binding.ts')).toEqual([]);
  });

  // Types of one noun may speak of each other; what is loaded may not, or the order of loading decides what is undefined.
  it('no file loads itself by a circle', () => {
    const graph = new Map(sources.map((source) => [relative('src', source.path), loadedImports(source)]));
    const done = new Set<string>();
    const circles: string[] = [];
    const follow = (path: string, trail: string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' > '));
      if (done.has(path) || trail.includes(path)) return;
      for (const next of graph.get(path) ?? []) follow(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) follow(path, []);
    expect(circles).toEqual([]);
  });
});

describe('the pure layers (codec, scsi, protocol)', () => {
  const pure = sources.filter(({ path }) => layerOf(relative('src', path))?.isPure === true);

  it('import nothing of Node but buffers, and no package', () => {
    const foreign = pure.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => !specifier.startsWith('.') && !PURE_NODE_MODULES.includes(specifier))
        .map((specifier) => `${path} imports ${specifier}`),
    );
    expect(foreign).toEqual([]);
  });

  it('have no promise, timer, clock, randomness or process in them', () => {
    const found: string[] = [];
    for (const { path, tree } of pure) {
      walk(tree, (node) => {
        const isImpureName = ts.isIdentifier(node) && IMPURE_NAMES.has(node.text);
        const isRandom = ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random';
        const isAsync = node.kind === ts.SyntaxKind.AsyncKeyword || node.kind === ts.SyntaxKind.AwaitExpression;
        if (!isImpureName && !isRandom && !isAsync) return;
        const { line } = tree.getLineAndCharacterOfPosition(node.getStart());
        found.push(`${path}:${line + 1}: ${node.getText().slice(0, 40)}`);
      });
    }
    expect(found).toEqual([]);
  });
});

describe('every source', () => {
  it('names relative imports with their .ts extension', () => {
    const wrong = everything.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => specifier.startsWith('.') && !/\.(ts|mjs|json)$/.test(specifier))
        // A benchmark measures what users run: the compiled files; a script has no other way to read them.
        .filter((specifier) => !(/^(bench|scripts)\//.test(path) && /^(\.\.\/)+dist\//.test(specifier)))
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('exports by name', () => {
    const defaults = everything.filter(({ tree }) =>
      tree.statements.some(
        (statement) =>
          ts.isExportAssignment(statement) ||
          (ts.canHaveModifiers(statement) &&
            ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) === true),
      ),
    );
    expect(defaults.map(({ path }) => path)).toEqual([]);
  });

  it(`has at most ${LINES_MAX} lines`, () => {
    const long = everything.filter(({ text }) => text.split('\n').length > LINES_MAX);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it('is named for what it holds', () => {
    const nameless = everything.filter(({ path }) => {
      const name = (path.split('/').at(-1) as string).replace(/\.(test\.)?(ts|mjs)$/, '');
      return NAMELESS.includes(name) && path !== 'src/index.ts';
    });
    expect(nameless.map(({ path }) => path)).toEqual([]);
  });

  it('says at its top what it is', () => {
    const bare = sources.filter(({ text }) => !/^(#![^\n]*\n)?\/\*\*/.test(text));
    expect(bare.map(({ path }) => path)).toEqual([]);
  });

  it('re-exports nothing but in src/index.ts', () => {
    const barrels = sources.filter(
      ({ path, tree }) =>
        path !== 'src/index.ts' &&
        tree.statements.some(
          (statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined,
        ),
    );
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });

  it('keeps no state of its own: nothing below the daemon is `let` at the top', () => {
    const stateful = sources.filter(({ tree }) =>
      tree.statements.some(
        (statement) =>
          ts.isVariableStatement(statement) && (statement.declarationList.flags & ts.NodeFlags.Const) === 0,
      ),
    );
    expect(stateful.map(({ path }) => path)).toEqual([]);
  });

  it('names the issue of what is left for later', () => {
    // Spelled apart, so that this file is no finding.
    const markers = new RegExp(
      `\\b(${['TO', 'DO'].join('')}(?!\\(#[0-9]+\\))|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')}\\b|${['HA', 'CK'].join('')}\\b)`,
    );
    const found = everything.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, i) => (markers.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('switches no test off and runs none alone', () => {
    const found = everything.flatMap(({ path, text }) =>
      /\b(?:it|test|describe)\.(?:only|skip|todo)\b/.test(text) ? [path] : [],
    );
    expect(found).toEqual([]);
  });
});
