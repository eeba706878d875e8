/** The words of a Markdown text without its marks, for a line that only hints at it. */
export function plainWords(text: string): string {
  return text
    .replace(/^[\s|:-]+$/gm, ' ') // the line between a table's head and its body
    .replace(/\|[\s|:-]*--[\s|:-]*\|/g, ' ') // the same where everything is on one line
    .replace(/(^|[.,;:!?…。，；：！？])\s*[-+]\s+/gm, '$1 ') // the dot before an item of a list
    .replace(/```\w*|[*`#>|$]+/g, ' ')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\s+/g, ' ')
    .replace(/ ([.,;:!?，。；：！？])/g, '$1')
    .replace(/^…[.,;:!?，。；：！？]\s*/, '…')
    .trim()
}
