/** Plain arithmetic on samples: no browser interfaces, so it runs in worklets and tests alike. */

/** 16-bit little-endian samples of −1…1 floats. */
export function toInt16(input: Float32Array): Int16Array<ArrayBuffer> {
  const output = new Int16Array(input.length)
  for (let i = 0; i < input.length; i++) {
    const sample = Math.max(-1, Math.min(1, input[i] ?? 0))
    output[i] = sample < 0 ? sample * 0x8000 : sample * 0x7fff
  }
  return output
}

export function toFloat32(input: Int16Array): Float32Array<ArrayBuffer> {
  const output = new Float32Array(input.length)
  for (let i = 0; i < input.length; i++) output[i] = (input[i] ?? 0) / 0x8000
  return output
}

/** Root mean square of a block, 0…1. */
export function rms(input: Float32Array): number {
  let sum = 0
  for (const sample of input) sum += sample * sample
  return input.length ? Math.sqrt(sum / input.length) : 0
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  const step = 0x8000
  for (let i = 0; i < bytes.length; i += step) binary += String.fromCharCode(...bytes.subarray(i, i + step))
  return btoa(binary)
}

/** A complete WAV file of 16-bit mono samples. */
export function wavOf(chunks: readonly Int16Array[], rate: number): Blob {
  const size = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  const head = new DataView(new ArrayBuffer(44))
  const ascii = (at: number, text: string): void => {
    for (let i = 0; i < text.length; i++) head.setUint8(at + i, text.charCodeAt(i))
  }
  ascii(0, 'RIFF')
  head.setUint32(4, 36 + size, true)
  ascii(8, 'WAVEfmt ')
  head.setUint32(16, 16, true)
  head.setUint16(20, 1, true)
  head.setUint16(22, 1, true)
  head.setUint32(24, rate, true)
  head.setUint32(28, rate * 2, true)
  head.setUint16(32, 2, true)
  head.setUint16(34, 16, true)
  ascii(36, 'data')
  head.setUint32(40, size, true)
  return new Blob([head.buffer, ...chunks.map((chunk) => chunk.slice().buffer as ArrayBuffer)], { type: 'audio/wav' })
}

/**
 * Streaming change of the sample rate by a windowed-sinc filter. State is kept from block to block, so blocks join without a click.
 */
export class Resampler {
  private readonly step: number
  private readonly cutoff: number
  private readonly reach: number
  private history: Float32Array<ArrayBuffer>
  private position: number

  constructor(from: number, to: number) {
    this.step = from / to
    this.cutoff = Math.min(1, to / from) * 0.94
    this.reach = Math.ceil(12 / this.cutoff)
    this.history = new Float32Array(this.reach)
    this.position = this.reach
  }

  push(block: Float32Array): Float32Array<ArrayBuffer> {
    if (this.step === 1) return new Float32Array(block)
    const input = new Float32Array(this.history.length + block.length)
    input.set(this.history)
    input.set(block, this.history.length)
    const end = input.length - this.reach
    const output = new Float32Array(Math.max(0, Math.ceil((end - this.position) / this.step)))
    let count = 0
    let at = this.position
    for (; at < end; at += this.step) output[count++] = this.sample(input, at)
    const keep = Math.max(0, Math.floor(at) - this.reach)
    this.history = input.slice(keep)
    this.position = at - keep
    return output.subarray(0, count)
  }

  private sample(input: Float32Array, at: number): number {
    const center = Math.floor(at)
    let sum = 0
    for (let i = center - this.reach + 1; i <= center + this.reach; i++) {
      const x = at - i
      const angle = Math.PI * x * this.cutoff
      const sinc = Math.abs(angle) < 1e-9 ? 1 : Math.sin(angle) / angle
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (this.reach + 1))
      sum += (input[i] ?? 0) * sinc * window * this.cutoff
    }
    return sum
  }
}

/** Cuts a stream of samples into frames of equal length; the rest waits for the next block. */
export class Framer {
  private rest: Float32Array<ArrayBuffer> = new Float32Array(0)

  constructor(private readonly size: number) {}

  push(block: Float32Array): Float32Array<ArrayBuffer>[] {
    const all = new Float32Array(this.rest.length + block.length)
    all.set(this.rest)
    all.set(block, this.rest.length)
    const frames: Float32Array<ArrayBuffer>[] = []
    let at = 0
    for (; at + this.size <= all.length; at += this.size) frames.push(all.slice(at, at + this.size))
    this.rest = all.slice(at)
    return frames
  }
}
