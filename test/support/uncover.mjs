// What a payload has mounted in a group: no directory that something is mounted on can be removed.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Unmounts all that is mounted below a directory, the last mount first.
 * @param {string} directory
 */
export function uncover(directory) {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
  for (const point of points.filter((one) => one.startsWith(`${directory}/`)).reverse())
    spawnSync('umount', ['--lazy', point], { stdio: 'ignore' })
}
