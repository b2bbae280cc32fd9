// Enough of the Responses API for codex.
import { askedFor, startFakeServer } from './fake-server.mjs'

let replies = 0

export const startFakeResponses = () =>
  startFakeServer((path, body) => {
    if (!path.endsWith('/responses')) return undefined
    const id = `resp_fake_${++replies}`
    const item = reply(body, replies)
    const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 }
    return {
      events: [
        { type: 'response.created', response: { id } },
        { type: 'response.output_item.done', output_index: 0, item },
        { type: 'response.completed', response: { id, usage, output: [item] } },
      ],
    }
  })

function reply({ input = [], tools = [] }, serial) {
  const command = pending(input)
  const tool = command === undefined ? undefined : shellCall(tools, command)
  if (tool) return { type: 'function_call', id: `fc_${serial}`, call_id: `call_${serial}`, ...tool }
  const content = [{ type: 'output_text', text: 'done', annotations: [] }]
  return { type: 'message', id: `msg_${serial}`, role: 'assistant', status: 'completed', content }
}

// Which shell tool it offers goes by the model.
function shellCall(tools, command) {
  const names = tools.map(({ name }) => name)
  const forms = {
    exec_command: { cmd: command },
    shell_command: { command },
    shell: { command: ['sh', '-c', command] },
  }
  const name = Object.keys(forms).find((one) => names.includes(one))
  return name && { name, arguments: JSON.stringify(forms[name]) }
}

/** The command of the last prompt, unless its result is there. */
function pending(input) {
  const texts = ({ role, content }) =>
    role === 'user' && Array.isArray(content) ? content.map(({ text }) => askedFor(text)) : []
  const last = input.findLastIndex((item) => texts(item).some((command) => command !== undefined))
  if (last < 0 || input.slice(last).some(({ type }) => type === 'function_call_output')) return undefined
  return texts(input[last]).find((command) => command !== undefined)
}
