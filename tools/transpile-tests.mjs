// Transpiles all that tests load before they run: the compiler is loaded once, and not in every test file.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transpile } from './typescript-hooks.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
for (const folder of ['src', 'plugins', 'routes', 'client', 'examples', 'test']) {
  for (const { parentPath, name } of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (name.endsWith('.ts') && !name.endsWith('.d.ts')) await transpile(join(process.cwd(), parentPath, name))
  }
}
