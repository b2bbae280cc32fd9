// Enough of the Gemini API for gemini-cli.
import { askedFor, startFakeServer } from './fake-server.mjs'

const SHELL = 'run_shell_command'

export const startFakeGemini = () =>
  startFakeServer((path, body) => {
    const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 }
    if (path.endsWith(':countTokens')) return { json: { totalTokens: 10 } }
    if (!/:(stream)?[gG]enerateContent$/.test(path)) return undefined
    const content = { role: 'model', parts: [reply(body)] }
    const json = { candidates: [{ content, finishReason: 'STOP', index: 0 }], usageMetadata }
    return path.endsWith(':streamGenerateContent') ? { events: [json] } : { json }
  })

// What it asks besides the prompt (how hard it is, who shall go on) is to be answered in JSON.
function reply(body) {
  const command = pending(body)
  if (command !== undefined)
    return { functionCall: { name: SHELL, args: { command, description: 'As asked' } } }
  const wanted = body.generationConfig?.responseMimeType === 'application/json'
  return {
    text: wanted
      ? JSON.stringify({
          complexity_reasoning: 'none',
          complexity_score: 1,
          reasoning: 'none',
          next_speaker: 'user',
        })
      : 'done',
  }
}

/** The command of the last prompt, unless its result is there. */
function pending({ contents = [], tools = [] }) {
  if (!tools.some((tool) => tool.functionDeclarations?.some(({ name }) => name === SHELL))) return undefined
  const last = contents.findLastIndex(({ parts }) => parts.some((part) => askedFor(part.text) !== undefined))
  if (last < 0 || contents.slice(last).some(({ parts }) => parts.some((part) => part.functionResponse)))
    return undefined
  return contents[last].parts.map((part) => askedFor(part.text)).find((command) => command !== undefined)
}
