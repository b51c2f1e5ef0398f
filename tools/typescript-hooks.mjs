// How tests get their TypeScript: each file is transpiled once, and kept by what it holds. tap's own way loads the compiler in every test file.
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../node_modules/.cache/roomcast-tests/', import.meta.url))
/** What is kept depends on this file, too, and on the compiler. */
const salt = createHash('sha256').update(await readFile(new URL(import.meta.url)))
  .update(await readFile(new URL('../node_modules/typescript/package.json', import.meta.url)))

/** The hook of node:module's `register`. */
export async function load (url, context, nextLoad) {
  if (!url.startsWith('file:') || !new URL(url).pathname.endsWith('.ts')) return nextLoad(url, context)
  return { format: 'module', source: await transpile(fileURLToPath(url.split('?', 1)[0])), shortCircuit: true }
}

/** The JavaScript of a file. */
export async function transpile (path) {
  const source = await readFile(path, 'utf8')
  const kept = join(cache, `${salt.copy().update(path).update(source).digest('hex')}.mjs`)
  try {
    return await readFile(kept, 'utf8')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  const output = await compile(path, source)
  await mkdir(cache, { recursive: true })
  // Others may be at the same file, and none may read half of it.
  const unfinished = `${kept}.${randomUUID()}`
  await writeFile(unfinished, output)
  await rename(unfinished, kept)
  return output
}

async function compile (path, source) {
  const { default: { transpileModule, ModuleKind, ScriptTarget } } = await import('typescript')
  const { outputText } = transpileModule(source, {
    fileName: basename(path),
    compilerOptions: { target: ScriptTarget.ES2023, module: ModuleKind.ESNext, verbatimModuleSyntax: true, inlineSourceMap: true, inlineSources: true, sourceRoot: new URL('.', `file://${path}`).href }
  })
  return outputText
}
