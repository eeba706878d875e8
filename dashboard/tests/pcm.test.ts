import { describe, expect, it } from 'vitest'
import { Framer, fromBase64, Resampler, toBase64, toFloat32, toInt16, wavOf } from '@/audio/pcm'

function tone(rate: number, hz: number, seconds: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate))
}

/** Power at a frequency (Goertzel), so that a tone can be found again. */
function power(samples: Float32Array, rate: number, hz: number): number {
  let re = 0
  let im = 0
  samples.forEach((sample, i) => {
    re += sample * Math.cos((2 * Math.PI * hz * i) / rate)
    im += sample * Math.sin((2 * Math.PI * hz * i) / rate)
  })
  return (2 * Math.hypot(re, im)) / samples.length
}

function run(resampler: Resampler, input: Float32Array<ArrayBuffer>, block: number): Float32Array {
  const parts: number[] = []
  for (let at = 0; at < input.length; at += block) parts.push(...resampler.push(input.slice(at, at + block)))
  return Float32Array.from(parts)
}

describe('samples', () => {
  it.each([48_000, 44_100])('keeps a tone when %d Hz becomes 16 kHz, in blocks of any size', (from) => {
    const input = tone(from, 440, 0.5)
    const output = run(new Resampler(from, 16_000), input, 128)
    expect(Math.abs(output.length - 8000)).toBeLessThan(60)
    expect(power(output.slice(400), 16_000, 440)).toBeGreaterThan(0.97)
    const other = run(new Resampler(from, 16_000), input, 1000)
    const apart = Math.max(...other.slice(0, 7000).map((sample, i) => Math.abs(sample - (output[i] ?? 0))))
    expect(apart).toBeLessThan(1e-3)
  })

  it('lets no tone above the new limit fold back', () => {
    const output = run(new Resampler(48_000, 16_000), tone(48_000, 11_000, 0.5), 128)
    expect(power(output.slice(400), 16_000, 5_000)).toBeLessThan(0.02)
  })

  it('cuts frames of exactly the asked length and loses nothing', () => {
    const framer = new Framer(320)
    const frames = [100, 300, 700, 180].flatMap((size) => framer.push(new Float32Array(size).fill(size)))
    expect(frames.map((frame) => frame.length)).toEqual([320, 320, 320, 320])
  })

  it('clips instead of wrapping', () => {
    expect([...toInt16(Float32Array.from([2, -2, 0]))]).toEqual([32767, -32768, 0])
  })

  it('round-trips Base64 and 16-bit samples', () => {
    const bytes = new Uint8Array([0, 1, 254, 255])
    expect(fromBase64(toBase64(bytes))).toEqual(bytes)
    expect([...toFloat32(Int16Array.from([0, -32768, 16384]))]).toEqual([0, -1, 0.5])
  })

  it('writes a WAV file with a correct head', async () => {
    const blob = wavOf([Int16Array.from([1, 2]), Int16Array.from([3])], 16_000)
    const view = new DataView(await blob.arrayBuffer())
    expect(blob.size).toBe(50)
    expect(view.getUint32(24, true)).toBe(16_000)
    expect(view.getUint32(40, true)).toBe(6)
    expect(view.getInt16(48, true)).toBe(3)
  })
})
