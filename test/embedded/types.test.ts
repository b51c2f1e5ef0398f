import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const FOLDER = fileURLToPath(new URL('types', import.meta.url))
/** How the fixtures name Roomcast, and what they would name where it is built. */
const SOURCE = '../../../src/app.ts'
const BUILT = '../../../dist/src/app.js'

const format: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: name => name, getCurrentDirectory: () => FOLDER, getNewLine: () => '\n'
}

/** Compiles the fixtures as `tsc -p` would, with Roomcast at an entry of the caller's, and says what is wrong with them and with it. */
function mistakesWith (entry: string): string[] {
  const { config } = ts.readConfigFile(`${FOLDER}/tsconfig.json`, ts.sys.readFile) as { config: unknown }
  const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config, ts.sys, FOLDER)
  const host = ts.createCompilerHost(options)
  const readFile = host.readFile.bind(host)
  host.readFile = name => fileNames.includes(name) ? readFile(name)?.replaceAll(SOURCE, entry) : readFile(name)
  const program = ts.createProgram(fileNames, options, host)
  if (fileNames.length !== 2 || fileNames.some(name => program.getSourceFile(name)?.text.includes(entry) !== true)) {
    throw new Error(`these are not the two fixtures that import ${entry}: ${fileNames.join(', ')}`)
  }
  // What stands in the declarations of other packages is their own affair, and takes long to check.
  const files = program.getSourceFiles().filter(({ fileName }) => !fileName.includes('/node_modules/'))
  const found = files.flatMap(file => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
  return [...errors, ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...found].map(one => ts.formatDiagnostic(one, format))
}

t.test('hosts compile beside the source, and their mistakes do not', async t => {
  t.same(mistakesWith(SOURCE), [])
})

const isBuilt = existsSync(new URL(`types/${BUILT}`, import.meta.url))

t.test('hosts compile beside the built declarations, and their mistakes do not', { skip: isBuilt ? false : 'nothing is built' }, async t => {
  t.same(mistakesWith(BUILT), [])
})
