/*
 * Runs in a plugin's page and offers `window.AstrBotPluginPage`, by the names and with the behaviour plugins know from
 * AstrBot. The page is in a sandboxed frame without an origin: it holds no token and reaches the server only by asking the
 * web UI around it, with messages
 *
 *   page → web UI: {channel, kind: "ready" | "request" | "blocked", requestId, action, …}
 *   web UI → page: {channel, kind: "context" | "response" | "sse_message" | "sse_state", …}
 */
;(() => {
  'use strict'
  if (window.AstrBotPluginPage) return

  const CHANNEL = 'astrbot-plugin-page'
  const waiting = new Map()
  const streams = new Map()
  const listeners = new Set()
  let context = null
  let count = 0
  let announce
  const ready = new Promise((resolve) => {
    announce = resolve
  })

  const post = (kind, fields, transfer) => window.parent.postMessage({ channel: CHANNEL, kind, ...fields }, '*', transfer ?? [])

  const ask = (action, fields, transfer) =>
    new Promise((resolve, reject) => {
      count += 1
      const requestId = `request-${count}`
      waiting.set(requestId, { resolve, reject })
      post('request', { requestId, action, ...fields }, transfer)
    })

  function adopt(next) {
    if (typeof next !== 'object' || next === null) return
    context = { ...context, ...next }
    if (typeof next.isDark === 'boolean') {
      const theme = next.isDark ? 'dark' : 'light'
      document.documentElement.setAttribute('data-theme', theme)
      document.documentElement.style.colorScheme = theme
    }
    announce(context)
    for (const listener of listeners) notify(listener)
  }

  function notify(listener) {
    try {
      listener(context)
    } catch (error) {
      console.error('A listener of AstrBotPluginPage.onContext failed.', error)
    }
  }

  function parsed(text) {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }

  function take(message) {
    if (message.kind === 'context') adopt(message.context)
    else if (message.kind === 'response') {
      const asked = waiting.get(message.requestId)
      waiting.delete(message.requestId)
      if (message.ok) asked?.resolve(message.data)
      else asked?.reject(new Error(message.error || 'The request failed.'))
    } else if (message.kind === 'sse_message') {
      const { data, eventType, lastEventId } = message
      streams.get(message.subscriptionId)?.onMessage?.({ raw: data, parsed: parsed(data), eventType: eventType || 'message', lastEventId })
    } else if (message.kind === 'sse_state') {
      const handlers = streams.get(message.subscriptionId)
      if (message.state === 'open') handlers?.onOpen?.()
      if (message.state === 'error') handlers?.onError?.()
    }
  }

  window.addEventListener('message', (event) => {
    if (event.source === window.parent && event.data?.channel === CHANNEL) take(event.data)
  })

  document.addEventListener('securitypolicyviolation', (event) => {
    post('blocked', { address: event.blockedURI, directive: event.effectiveDirective })
  })

  function text(key, fallback) {
    for (const locale of [context?.locale, 'zh-CN', 'en-US']) {
      const found = String(key)
        .split('.')
        .reduce((inner, part) => (inner && typeof inner === 'object' ? inner[part] : undefined), context?.i18n?.[locale])
      if (found !== undefined && found !== null) return String(found)
    }
    return fallback || ''
  }

  window.AstrBotPluginPage = {
    ready: () => ready,
    getContext: () => context,
    getLocale: () => context?.locale || 'zh-CN',
    getI18n: () => context?.i18n || {},
    t: text,
    onContext(listener) {
      if (typeof listener !== 'function') return () => {}
      listeners.add(listener)
      if (context) notify(listener)
      return () => listeners.delete(listener)
    },
    apiGet: (endpoint, params) => ask('api:get', { endpoint, params }),
    apiPost: (endpoint, body) => ask('api:post', { endpoint, body }),
    async upload(endpoint, file) {
      if (typeof file?.arrayBuffer !== 'function') throw new Error('There is no file to upload.')
      const fileBuffer = await file.arrayBuffer()
      const fields = { endpoint, fileName: file.name || 'upload.bin', fileType: file.type || 'application/octet-stream', fileBuffer }
      return ask('files:upload', fields, [fileBuffer])
    },
    download: (endpoint, params, filename) => ask('files:download', { endpoint, params, filename }),
    async subscribeSSE(endpoint, handlers, params) {
      count += 1
      const subscriptionId = `stream-${count}`
      streams.set(subscriptionId, handlers || {})
      try {
        await ask('sse:subscribe', { endpoint, params, subscriptionId })
        return subscriptionId
      } catch (error) {
        streams.delete(subscriptionId)
        throw error
      }
    },
    unsubscribeSSE(subscriptionId) {
      streams.delete(subscriptionId)
      return ask('sse:unsubscribe', { subscriptionId })
    },
  }

  adopt(parsed(document.currentScript?.dataset.context ?? 'null'))
  post('ready')
})()
