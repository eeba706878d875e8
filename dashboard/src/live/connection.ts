/** The live socket: options negotiated anew after every reconnection, audio both ways as binary frames. */
import { fromBase64, toFloat32 } from '@/audio/pcm'
import { PLAYBACK_RATE, type Player } from '@/audio/player'
import { LastingSocket, socketUrl, type SocketLike, type SocketState } from '@/lib/socket'
import { parseLiveFrame, type LiveFrame, type LiveInput, type LiveOptions } from './frames'

export interface LiveConnectionOptions {
  token: () => string | null
  options: () => LiveOptions
  player: () => Player | null
  onFrame: (frame: LiveFrame) => void
  onState: (state: SocketState, retryAt: number | null, reason: string) => void
  open?: (url: string) => SocketLike
}

const REPORT_MS = 250

export class LiveConnection {
  private readonly socket: LastingSocket
  /** After a local interruption, until the server confirms it: audio that was on its way is stale. */
  private muted = false
  private fresh = true
  private reporter: ReturnType<typeof setInterval> | undefined

  constructor(private readonly options: LiveConnectionOptions) {
    this.socket = new LastingSocket({
      url: () => socketUrl('/api/unified_chat/ws', { token: options.token() ?? '', audio: 'pcm16', rate: String(PLAYBACK_RATE), binary: '1' }),
      ping: JSON.stringify({ t: 'ping' }),
      onOpen: () => this.update(options.options()),
      onText: (text) => this.receive(text),
      onBinary: (data) => this.audio(new Uint8Array(data)),
      onState: (state, retryAt, reason) => {
        if (state !== 'open') this.muted = false
        options.onState(state, retryAt, reason)
      },
      open: options.open,
    })
  }

  start(): void {
    this.socket.start()
    this.reporter = setInterval(() => this.reportPlayback(), REPORT_MS)
  }

  stop(): void {
    clearInterval(this.reporter)
    this.socket.stop()
  }

  retryNow(): void {
    this.socket.retryNow()
  }

  get open(): boolean {
    return this.socket.state === 'open'
  }

  send(frame: LiveInput): boolean {
    return this.socket.send(JSON.stringify(frame))
  }

  update(options: LiveOptions): void {
    this.send({ t: 'session_update', data: options })
  }

  /** One 20 ms frame of the microphone. */
  sendAudio(pcm: Int16Array<ArrayBuffer>): void {
    this.socket.send(new Uint8Array(pcm.buffer))
  }

  /** Silences the reply here at once and asks the server to stop it. */
  interrupt(): void {
    this.options.player()?.drop()
    if (this.send({ t: 'interrupt' })) this.muted = true
  }

  private receive(text: string): void {
    const frame = parseLiveFrame(text)
    if (!frame) return
    const player = this.options.player()
    switch (frame.t) {
      case 'response':
        this.audio(fromBase64(frame.data))
        return
      case 'stop_play':
        player?.drop()
        this.muted = false
        break
      case 'pause_play':
        player?.pause()
        break
      case 'resume_play':
        player?.resume()
        break
      case 'metrics':
        if (frame.data.input_type !== undefined) this.fresh = true
        break
      case 'end':
      case 'error':
        // Nothing was running when the interruption was asked for: there is nothing to wait for.
        this.muted = false
        break
      default:
    }
    this.options.onFrame(frame)
  }

  private audio(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.muted || bytes.byteLength < 2) return
    const player = this.options.player()
    if (player) {
      if (this.fresh) player.restart()
      const samples = new Int16Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / 2))
      player.play(toFloat32(samples))
    }
    this.fresh = false
    this.options.onFrame({ t: 'response', data: '' })
  }

  private reportPlayback(): void {
    const report = this.options.player()?.report
    if (report && report.bufferedMs > 0 && !report.paused) this.send({ t: 'playback', data: { played_ms: Math.round(report.playedMs) } })
  }
}
