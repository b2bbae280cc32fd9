// What processes of Corral, and the two languages that it is written in, have to name alike: makes native/core/language.h and
// src/native/language.ts of the tables below. `node native/language.mjs` writes both; with --check it fails where one is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Of what processes say to each other: a gateway to its guard (guard.h) and its keeper, which it starts with the number, and
 * a visitor to a reaper, at its door (door.h). It grows with each change after which the two sides would not understand each other.
 */
const PROTOCOL = 3 // 1: that of 0.1.0, which gives no number (0). Up to 2, guards spoke in bytes (guard.c)

/** Kinds of messages (message.h): number, what it says, and the names of its values, two at most. A number is never given twice. */
const KINDS = {
  startReaper: [1, 'gateway to keeper: start a reaper; descriptor: its end of the lifeline'],
  collect: [2, 'gateway to keeper: answer `clean` when no lost property is left'],
  endAll: [3, 'gateway to keeper: end all and exit'],
  spawn: [
    4,
    "gateway to reaper: start a process; descriptors: its plan, then the caller's that the plan names",
  ],
  end: [
    5,
    'gateway or visitor to reaper: end all, and exit when that is done; `id`: of a gateway the signal that asks (0: SIGTERM), of a visitor its protocol; a negative `graceMs` is time for draining',
    ['graceMs', 'killMs'],
  ],
  keeperReady: [6, 'keeper to gateway; descriptor: its pidfd', ['pid']],
  clean: [7, 'keeper to gateway: `killed`, `names` and `left` since the last one', ['empty']],
  reaperReady: [8, 'reaper to gateway; descriptor: its pidfd; `mark` (mark.h) 0: none', ['pid', 'mark']],
  started: [9, 'reaper to gateway: `id` of the request; descriptor: the pidfd', ['pid']],
  refused: [10, 'the process that was asked: `id` of the request, or its own protocol, and the error'],
  exited: [
    11,
    'reaper to gateway: `id` of the request that started it; `code` -1: a signal',
    ['code', 'signal'],
  ],
  ended: [
    12,
    'reaper: `killed`, `names`, `left` and the CPU time of all; where nothing is left it exits',
    ['empty'],
  ],
  labels: [13, 'gateway to reaper; descriptor: the text that its door shows'],
  door: [
    14,
    "reaper to gateway: the two halves of its door's name (door.h); 0: there is none",
    ['high', 'low'],
  ],
  endRequested: [15, 'reaper to gateway: a visitor has it end all'],
  entered: [
    16,
    'reaper to gateway: `id` of who came in, and the pid of its reaper; descriptor: pidfd of its keeper. Both as the kernel says them: what a visitor says of a pid, or sends for a pidfd, is not believed',
    ['pid'],
  ],
  left: [17, '`id`: its command has ended; what that left may live'],
  show: [18, 'visitor to reaper: answer `shown`; `id`: its protocol'],
  join: [
    19,
    'visitor to reaper: answer `joined`; `id`: its protocol, `pid`: of a reaper that is a child of the process that connected, its keeper. It is told `end`, says `left` and `ended`, and ends all when the connection ends. Descriptor: pidfd of its keeper, which only reapers of older releases look at',
    ['pid'],
  ],
  shown: [
    20,
    'reaper to visitor; `id`: its protocol; descriptor: the text, if any; `left`: the reapers that have joined',
  ],
  joined: [21, 'reaper to visitor; `id`: its protocol'],
  out: [
    22,
    'reaper to gateway: `id` of who came in: the connection has ended, so nothing of it is held any more',
  ],
  cancel: [
    23,
    'gateway to reaper: `id` of a `spawn`; `error`: errno of the `refused` that answers it',
    ['error'],
  ],
  stopped: [24, 'reaper to gateway: `id` of the request that started it', ['signal']],
  guardReady: [25, 'guard to gateway: from now on a death of the gateway leaves nothing'],
  instanceMade: [26, 'gateway to guard: the instance stands, move in'],
  movedIn: [27, 'guard to gateway: out of your process tree; descriptor: its pidfd'],
  removeInstance: [28, 'gateway to guard: end and remove the instance'],
  handedOver: [29, 'guard to gateway, last; descriptor: pidfd of the process that removes the rest'],
  record: [
    30,
    "gateway to reaper: write the session's line where the gateway is gone before it has; descriptor: the words of it (record.h)",
  ],
  recorded: [31, 'gateway to reaper: the line is written, or none is to be'],
}

/** Directories, labels, titles and the like: the name in C, that in TypeScript, the value, and what it is. */
const NAMES = [
  ['DIRECTORY', 'CORRAL', 'corral', 'Below the root: all that is ours'],
  ['SESSIONS', 'SESSIONS', 'sessions', 'Below an instance: its sessions'],
  ['WARDEN', 'WARDEN', 'warden', 'Below an instance: its guard'],
  ['LEAF', 'LEAF', 'agent', 'Below a session: what its limits are of'],
  ['INSIDE', 'INSIDE', 'in', 'Below that: its processes'],
  ['SUPERVISOR', 'SUPERVISOR', 'supervisor', 'Below the root: the gateway itself, where it sat in the root'],
  ['PID_LABEL', 'PID_LABEL', 'user.corral.pid', "Of an instance: its owner's pid, as the owner saw it"],
  ['COMMAND_LABEL', 'COMMAND_LABEL', 'user.corral.command', 'Of an instance or a session: the command line'],
  [
    'PROGRAM_LABEL',
    'PROGRAM_LABEL',
    'user.corral.program',
    "Of a session: its command's name alone, for a ledger",
  ],
  [
    'LIVED_LABEL',
    'LIVED_LABEL',
    'user.corral.lived',
    'Of a session: how many processes lived in it when its end began that its owner does not see, and the names of the first of them, a line each',
  ],
  ['MODE_LABEL', 'MODE_LABEL', 'user.corral.mode', 'Of a session: oneshot or persistent'],
  [
    'KEY_LABEL',
    'KEY_LABEL',
    'user.corral.key',
    "Of a session's family: the key, where that is too long for a name. Believed only when its digest is the name",
  ],
  [
    'KILLED_LABEL',
    'KILLED_LABEL',
    'user.corral.killed',
    'Of a session: set by who ends it from outside, to have its owner look at claim.ts. Owners of version 0.1.0 go by its value',
  ],
  [
    'MEMORY_LABEL',
    'MEMORY_LABEL',
    'user.corral.memory',
    'Of an instance: the v1 memory cgroup of its sessions',
  ],
  [
    'LEADER_LABEL',
    'LEADER_LABEL',
    'user.corral.leader',
    'Of a session: who came into it first, for owners of version 0.1.0',
  ],
  [
    'QUOTA_LABEL',
    'QUOTA_LABEL',
    'user.corral.quota',
    'Of a group: the CPU quota that an ending has lifted (quota.h)',
  ],
  [
    'ONESHOT_COMPLETE',
    'ONESHOT_COMPLETE',
    'oneshot-complete',
    'Reasons for which sessions end: src/common/reasons.ts',
  ],
  ['CLOSED', 'CLOSED', 'closed', 'The same'],
  ['TIMEOUT', 'TIMEOUT', 'timeout', 'The same'],
  ['MEMORY_LIMIT', 'MEMORY_LIMIT', 'memory-limit', 'The same'],
  ['KILLED_FROM_OUTSIDE', 'KILLED_FROM_OUTSIDE', 'corral-kill', 'The same'],
  ['HOLDER_KILLED', 'HOLDER_KILLED', 'holder-killed', 'The same'],
  ['GATEWAY_GONE', 'GATEWAY_GONE', 'gateway-gone', 'The same'],
  ['GUARD_TITLE', 'GUARD_TITLE', 'corral-guard', 'The title of a guard (prctl(2), PR_SET_NAME)'],
  ['KEEPER_TITLE', 'KEEPER_TITLE', 'corral-keeper', 'The title of a keeper'],
  ['REAPER_TITLE', 'REAPER_TITLE', 'corral-holder', 'The title of a reaper'],
  ['DOOR_PREFIX', 'DOOR_PREFIX', 'corral-door-', 'What the names of doors begin with (door.h)'],
]

/** Exit statuses of the warden. */
const STATUSES = {
  FAILED: [1, ''],
  USAGE: [2, ''],
  PROTOCOL: [3, 'of a number that is not ours'],
  TIMED_OUT: [124, 'as of timeout(1)'],
  CANNOT_RUN: [126, 'as of env(1) and timeout(1): found, but not to be run'],
  NOT_FOUND: [127, ''],
  SIGNALLED: [128, "and the signal's number"],
}

const MADE = 'Made by native/language.mjs, which says what each of these is: change that, and run it.'
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const kinds = Object.entries(KINDS)
const withValues = kinds.filter(([, [, , fields]]) => fields)

function header() {
  const values = withValues.map(
    ([name, [, , fields]]) => `  struct {\n    int64_t ${fields.map(snake).join(', ')};\n  } ${snake(name)};`,
  )
  return `// ${MADE}
#ifndef CORRAL_LANGUAGE_H
#define CORRAL_LANGUAGE_H

#include <stdint.h>

#ifndef CORRAL_PROTOCOL // a test makes a later version so
#define CORRAL_PROTOCOL ${PROTOCOL}
#endif

enum corral_message_kind {
${kinds.map(([name, [number]]) => `  CORRAL_${snake(name).toUpperCase()} = ${number},`).join('\n')}
};

// The values of a message, by its kind.
union corral_message_values {
${values.join('\n')}
};

${NAMES.map(([name, , value]) => `#define CORRAL_${name} "${value}"`).join('\n')}

// Exit statuses of the warden
${Object.entries(STATUSES)
  .map(([name, [number]]) => `#define STATUS_${name} ${number}`)
  .join('\n')}

#endif
`
}

function module() {
  const values = withValues.map(
    ([name, [, , fields]]) => `  ${name}: [${fields.map((field) => `'${field}'`).join(', ')}],`,
  )
  return `// ${MADE}

export const PROTOCOL = ${PROTOCOL}

/** Kinds of messages: native/core/message.h. */
export const KIND = {
${kinds.map(([name, [number]]) => `  ${name}: ${number},`).join('\n')}
} as const

export type Kind = keyof typeof KIND

/** The values of a message, by its kind, in their order. */
const ORDERED = {
${values.join('\n')}
} as const
export const VALUES: { readonly [Name in Kind]?: readonly string[] } = ORDERED

/** The same by their names. */
export type Values = {
  [Name in Kind]: Record<Name extends keyof typeof ORDERED ? (typeof ORDERED)[Name][number] : never, number>
}

${NAMES.map(([, name, value]) => `export const ${name} = '${value}'`).join('\n')}

/** Exit statuses of the warden: of a command line, and of a protocol, that it does not know. */
export const STATUS = { usage: ${STATUSES.USAGE[0]}, protocol: ${STATUSES.PROTOCOL[0]} } as const
`
}

const files = { '../native/core/language.h': header(), '../src/native/language.ts': module() }
for (const [name, text] of Object.entries(files)) {
  const file = fileURLToPath(new URL(name, import.meta.url))
  if (!process.argv.includes('--check')) writeFileSync(file, text)
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file} is stale: run node native/language.mjs`)
    process.exitCode = 1
  }
}
