import t from 'tap'
import { readEnvironment, variables } from '../../src/environment.ts'
import { read } from './markdown.ts'

interface Line { readonly name: string, readonly value: string, readonly comment: string }

const text = read('.env.example')

/** Each variable with the comment lines of its paragraph. */
const lines: Line[] = text.split(/\n{2,}/).flatMap(paragraph => {
  const comment = paragraph.split('\n').filter(line => !/^(?:# )?[A-Z_]+=/.test(line)).join(' ')
  return [...paragraph.matchAll(/^(?:# )?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => ({ name, value, comment }))
})

/** Depends on the machine. */
const NAMELESS = 'NODE_NAME'

t.test('it lists exactly the variables that the code reads, each once', async t => {
  t.same(lines.map(({ name }) => name).filter(name => name !== 'NODE_ENV').sort(), [...variables.keys()].sort())
})

t.test('it sets nothing: every variable is a comment', async t => {
  t.notMatch(text, /^[A-Z_]+=/m)
})

t.test('each value is the default', async t => {
  const defaults = readEnvironment({})
  for (const { name, value } of lines) {
    const standard: unknown = variables.get(name)?.['default']
    if (name === NAMELESS) t.equal(value, '', name)
    else if (typeof standard === 'object') t.same(readEnvironment({ [name]: value }), defaults, name)
    else if (standard !== undefined) t.equal(value, String(standard), name)
    else t.doesNotThrow(() => readEnvironment({ [name]: value }), `${name} has no default, and an example that is accepted, if any`)
  }
})

t.test('no secret stands there that somebody could take over', async t => {
  for (const name of ['JWT_SECRET', 'API_KEYS']) t.equal(lines.find(line => line.name === name)?.value, '', name)
})

/** What a number counts, by how its variable is named. */
const units = [
  { named: /_MS$/, told: /\bmilliseconds\b/ },
  { named: /_BYTES$/, told: /\bbytes\b/ },
  { named: /FRAMES_|FRAME_BURST$/, told: /\bFrames\b/ },
  { named: /^MAX_UPGRADES_PER_SECOND$/, told: /\bAttempts\b/ },
  { named: /^MAX_CONNECTIONS/, told: /\bConnections\b/ },
  { named: /^MAX_ROOMS_/, told: /\bRooms\b/ }
]

t.test('a number has its unit in its name and in the words above it', async t => {
  for (const [name, schema] of variables) {
    if (schema['type'] !== 'integer' || name === 'PORT') continue
    const unit = units.find(({ named }) => named.test(name))
    t.ok(unit, `${name} names its unit`)
    if (unit !== undefined) t.match(lines.find(line => line.name === name)?.comment, unit.told, name)
  }
})

t.test('every variable has a comment above it', async t => {
  for (const { name, comment } of lines) t.match(comment, /^# .*[.:;]/, name)
})
