import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { createIgnore, execForm, parseDockerfile, words, type Instruction, type Stage } from './dockerfile.ts'

const RUN_TIMEOUT_MS = 240_000

/** What a stage has come to: its files in a folder, and what its instructions left for the start. */
export interface Image {
  readonly root: string
  workdir: string
  env: Record<string, string>
  user: string
  command: string[]
  healthcheck: string[]
}

interface Build {
  readonly context: string
  readonly isIgnored: (path: string) => boolean
  readonly images: Map<string, Image>
}

/** This process' environment without what tap and npm put into it for their children. */
export function cleanEnvironment (): Record<string, string> {
  const isOurs = /^(TAP|_TAPJS|NODE_(OPTIONS|ENV|V8_COVERAGE)|npm_(lifecycle|package|command|execpath|config_local_prefix))/
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => value === undefined || isOurs.test(name) ? [] : [[name, value]]))
}

/**
 * Does what the Dockerfile in a folder says, without Docker: each stage gets a folder below `target`, `COPY` copies into it and `RUN` runs in it.
 * The base images are not there: what runs is this machine's node.
 */
export async function buildImage (context: string, target: string): Promise<Image> {
  const isIgnored = createIgnore(await readFile(join(context, '.dockerignore'), 'utf8'))
  const build: Build = { context, isIgnored, images: new Map() }
  let last: Image | undefined
  for (const [index, stage] of parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8')).entries()) {
    last = await buildStage(stage, join(target, String(index)), build)
    build.images.set(stage.name, last)
  }
  if (last === undefined) throw new Error('the Dockerfile has no stage')
  return last
}

async function buildStage (stage: Stage, root: string, build: Build): Promise<Image> {
  const image: Image = { root, workdir: root, env: {}, user: 'root', command: [], healthcheck: [] }
  for (const instruction of stage.instructions) {
    const verb = verbs[instruction.keyword]
    if (verb === undefined) throw new Error(`this test does not know ${instruction.keyword}`)
    await verb(image, instruction, build)
  }
  return image
}

const verbs: Record<string, (image: Image, instruction: Instruction, build: Build) => Promise<void> | void> = {
  async WORKDIR (image, { text }) {
    image.workdir = join(image.root, text)
    await mkdir(image.workdir, { recursive: true })
  },
  ENV (image, { text }) {
    for (const pair of words(text)) {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(pair) ?? []
      image.env[name] = value
    }
  },
  async RUN (image, { text }) {
    const env = { ...cleanEnvironment(), npm_config_prefer_offline: 'true', ...image.env }
    await promisify(execFile)('/bin/sh', ['-c', text], { cwd: image.workdir, env, timeout: RUN_TIMEOUT_MS, maxBuffer: 2 ** 24 })
  },
  COPY: copy,
  USER (image, { text }) { image.user = text },
  EXPOSE () {},
  HEALTHCHECK (image, { text }) { image.healthcheck = execForm(text.replace(/^CMD\s+/, '')) },
  CMD (image, { text }) { image.command = execForm(text) }
}

async function copy (image: Image, { text, flags }: Instruction, { context, isIgnored, images }: Build): Promise<void> {
  const paths = words(text)
  const to = paths.pop() ?? ''
  const stage = flags['from'] === undefined ? undefined : images.get(flags['from'])
  if (flags['from'] !== undefined && stage === undefined) throw new Error(`COPY from ${flags['from']}, which is no stage`)
  for (const path of paths) {
    const source = join(stage?.root ?? context, path)
    if (stage === undefined && (await stat(source)).isFile() && isIgnored(path)) throw new Error(`COPY ${path}, which .dockerignore keeps out`)
    const isInto = !(await stat(source)).isDirectory() && (paths.length > 1 || /\/$|^\.$/.test(to))
    await cp(source, join(image.workdir, to, isInto ? basename(path) : ''), {
      recursive: true,
      verbatimSymlinks: true,
      filter: file => stage !== undefined || !isIgnored(relative(context, file))
    })
  }
}
