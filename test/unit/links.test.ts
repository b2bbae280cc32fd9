// Every link of the pages to another place of the repository leads somewhere: the file is there, and has the heading.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

function pagesIn(directory: string): string[] {
  return readdirSync(join(checkout, directory), { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((file) => file.endsWith('.md') && !file.includes('node_modules/'))
}

const TOP = readdirSync(checkout).filter((name) => name.endsWith('.md'))
const PAGES = [...TOP, ...['docs', 'bench', 'test', '.github'].flatMap(pagesIn)]

/** Without what is code. */
const prose = (file: string) =>
  readFileSync(join(checkout, file), 'utf8')
    .replaceAll(/^```.*?^```/gms, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '))

/** As GitHub makes them of headings; of those that are the same the next have a number. */
function anchorsOf(file: string): Set<string> {
  const text = readFileSync(join(checkout, file), 'utf8').replaceAll(/^```.*?^```/gms, '')
  const anchors = new Set([...text.matchAll(/(?:id|name)="([^"]+)"/g)].map(([, name = '']) => name))
  const seen = new Map<string, number>()
  for (const [, heading = ''] of text.matchAll(/^#+ (.+)$/gm)) {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-')
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    anchors.add(before === 0 ? anchor : `${anchor}-${before}`)
  }
  return anchors
}

interface Link {
  page: string
  target: string
}

function linksOf(page: string): Link[] {
  const text = prose(page)
  const inline = [...text.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)]
  const images = [...text.matchAll(/(?:src|href)="([^"]+)"/g)]
  return [...inline, ...images].map(([, target = '']) => ({ page, target }))
}

const isElsewhere = ({ target }: Link) => /^[a-z]+:/.test(target)
const LINKS = PAGES.flatMap(linksOf)

/** What is wrong with it; undefined: nothing. */
function fault({ page, target }: Link): string | undefined {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : relative(checkout, resolve(checkout, dirname(page), path))
  if (!existsSync(join(checkout, file))) return `${page}: there is no ${file}`
  if (anchor === undefined || statSync(join(checkout, file)).isDirectory() || !file.endsWith('.md'))
    return undefined
  return anchorsOf(file).has(anchor) ? undefined : `${page}: ${file} has no heading #${anchor}`
}

test('every link leads to a file, and to a heading of it', () => {
  const inside = LINKS.filter((link) => !isElsewhere(link))
  expect(inside.length).toBeGreaterThan(100)
  expect(inside.map(fault).filter((text) => text !== undefined)).toEqual([])
})

test('links from the package lead to what is in it', () => {
  const { files } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'))
  const isPacked = (file: string) =>
    [...files, 'README.md', 'LICENSE', 'package.json'].some(
      (part: string) => file === part || file.startsWith(`${part}/`),
    )
  const left = PAGES.filter(isPacked)
    .flatMap(linksOf)
    .filter((link) => !isElsewhere(link) && !link.target.startsWith('#'))
    .map(({ page, target }) => [page, join(dirname(page), target.split('#')[0] ?? '').replace(/\/$/, '')])
    .filter(([, file = '']) => !isPacked(file))
  expect(left).toEqual([])
})
