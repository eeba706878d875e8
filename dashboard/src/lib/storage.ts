/** Small settings of this browser. A browser that refuses storage (private mode) still works, it only forgets. */
const PREFIX = 'astrbot_like.'
const memory = new Map<string, string>()

export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null
  } catch {
    return memory.get(name) ?? null
  }
}

export function writeSetting(name: string, value: string | null): void {
  if (value === null) memory.delete(name)
  else memory.set(name, value)
  try {
    if (value === null) localStorage.removeItem(PREFIX + name)
    else localStorage.setItem(PREFIX + name, value)
  } catch {
    // Storage is full or forbidden: the value lives as long as the page.
  }
}
