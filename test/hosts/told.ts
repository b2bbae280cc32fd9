// What a gateway in another place has told in a file.
import { readFile } from 'node:fs/promises'

/** As JSON; undefined while there is no such file. */
export async function readTold<Answer>(file: string): Promise<Answer | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Answer
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
