/** Runs on the audio thread: plays what it is given without gaps, can be emptied or held between two samples. */
import { PlaybackQueue } from './playbackQueue'

/** In blocks of 128 samples: about 21 ms at 24 kHz. */
const REPORT_EVERY = 4

class Playback extends AudioWorkletProcessor {
  private readonly queue = new PlaybackQueue(sampleRate)
  private blocks = 0

  constructor() {
    super()
    this.port.onmessage = (event: MessageEvent<PlaybackCommand>) => {
      const command = event.data
      switch (command.type) {
        case 'play':
          this.queue.push(command.samples)
          break
        case 'drop':
          this.queue.drop()
          this.report(command.token)
          break
        case 'pause':
          this.queue.pause(true)
          break
        case 'resume':
          this.queue.pause(false)
          break
        case 'restart':
          this.queue.restart()
          break
        default:
          command satisfies never
      }
    }
  }

  override process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const channel = outputs[0]?.[0]
    if (channel) this.queue.fill(channel)
    this.blocks += 1
    if (this.blocks % REPORT_EVERY === 0) this.report()
    return true
  }

  private report(token?: number): void {
    this.port.postMessage({ ...this.queue.report(), token })
  }
}

registerProcessor('playback', Playback)

export type PlaybackCommand =
  | { type: 'play'; samples: Float32Array<ArrayBuffer> }
  | { type: 'drop'; token: number }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'restart' }
