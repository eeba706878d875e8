import { put } from './parts/put.js'

const bridge = window.AstrBotPluginPage

function render(context) {
  put('heading', bridge.t('pages.board.heading', 'Board'))
  put('theme', context.isDark ? 'dark' : 'light')
}

window.save = async () => {
  const saved = await bridge.apiPost('items/five', { colour: 'red' })
  put('saved', `${saved.item} ${saved.body.colour} ${saved.plugin}`)
}

document.getElementById('file').addEventListener('change', async (event) => {
  const stored = await bridge.upload('upload', event.target.files[0])
  put('uploaded', `${stored.name} ${stored.bytes}`)
})

document.getElementById('fetch').addEventListener('click', async () => {
  const { filename } = await bridge.download('files/notes.txt', {}, 'notes.txt')
  put('downloaded', filename)
})

render(await bridge.ready())
bridge.onContext(render)

try {
  put('token', String(window.parent.localStorage.length))
} catch {
  put('token', 'out of reach')
}

const hello = await bridge.apiGet('hello', { page: 7 })
put('user', `${hello.user} on page ${hello.page}`)

const heard = []
await bridge.subscribeSSE('stream', { onMessage: (event) => put('events', heard.push(event.parsed) && heard.join(' ')) })

await bridge.apiGet('items/absent').catch((error) => put('error', error.message))
