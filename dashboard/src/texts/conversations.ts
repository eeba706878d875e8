import type { Texts } from '@/i18n'

export const conversations = {
  list: ['All sessions', '全部会话'],
  search: ['Search names and messages', '搜索名称和消息'],
  platform: ['Platform', '平台'],
  allPlatforms: ['All platforms', '全部平台'],
  none: ['No sessions yet', '还没有会话'],
  noneHint: ['Chats, voice conversations and those on connected platforms appear here.', '网页聊天、语音对话以及已接入平台上的会话都会显示在这里。'],
  webchat: ['web chat', '网页聊天'],
  noMatch: ['Nothing matches', '没有匹配结果'],
  inMessages: ['In messages', '消息中'],
  sessions: ['Sessions', '会话'],
  untitled: ['Untitled', '未命名'],
  choose: ['Choose a session to read it', '选择一个会话查看'],
  exportAs: ['Export as {format}', '导出为 {format}'],
  delete: ['Delete', '删除'],
  deleteTitle: ['Delete this session?', '删除此会话？'],
  deleteBody: ['Its messages and files are deleted for good, for its user, too.', '消息和文件将被永久删除，该用户也无法再查看。'],
  deleted: ['Deleted', '已删除'],
  by: ['{who} · {platform}', '{who} · {platform}'],
  empty: ['This session has no messages.', '此会话没有消息。'],
  total: ['{n} session|{n} sessions', '{n} 个会话'],
} as const satisfies Texts
