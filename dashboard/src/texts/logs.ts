import type { Texts } from '@/i18n'

export const logs = {
  lines: ['Log lines', '日志内容'],
  only: ['Only {what}', '只看 {what}'],
  level: ['Level', '级别'],
  all: ['All levels', '全部级别'],
  plugin: ['Plugin', '插件'],
  session: ['Session', '会话'],
  turn: ['Turn', '轮次'],
  pause: ['Pause', '暂停'],
  resume: ['Go on', '继续'],
  paused: ['Paused. {n} new line waits.|Paused. {n} new lines wait.', '已暂停，有 {n} 条新日志。'],
  download: ['Download', '下载'],
  clear: ['Clear the filters', '清除筛选'],
  live: ['live', '实时'],
  lost: ['The stream broke. Trying again…', '日志流中断，正在重连…'],
  none: ['No lines match', '没有匹配的日志'],
  filters: ['Filters', '筛选'],
} as const satisfies Texts
