// Answers each message with what came with it, until its parent ends the channel.
process.on('message', (message, handle) => {
  process.send({ message, handle: handle?.constructor.name }, () => handle?.destroy())
})
process.on('disconnect', () => process.exit(3))
