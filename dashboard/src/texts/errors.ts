import type { Texts } from '@/i18n'

/** What the server's error codes mean to the person at the page; the server's own words stand beside them. */
export const errorTexts = {
  INTERNAL_ERROR: ['Something went wrong on the server. Its log has the details.', '服务器内部出错，详情见日志。'],
  INVALID_MESSAGE_FORMAT: ['The message has the wrong format.', '消息格式不正确。'],
  BAD_REQUEST: ['The input does not fit.', '输入内容不符合要求。'],
  INVALID_AUDIO: ['The audio could not be read.', '音频无法读取。'],
  NO_AUDIO: ['No sound arrived from the microphone.', '没有收到麦克风的声音。'],
  NO_SPEECH: ['No speech was recognised. Please speak again.', '没有识别到语音，请再说一次。'],
  TOO_LARGE: ['That is over the size limit.', '超过大小限制。'],
  UNSUPPORTED_MEDIA_TYPE: ['This type of file is not supported here.', '不支持此类型的文件。'],
  UNAUTHORIZED: ['You are not signed in, or the sign-in has expired.', '尚未登录，或登录已过期。'],
  FORBIDDEN: ['You are not allowed to do this.', '没有权限执行此操作。'],
  SESSION_ERROR: ['This session does not belong to you.', '此会话不属于你。'],
  NOT_FOUND: ['It does not exist any more.', '内容不存在或已被删除。'],
  CONFLICT: ['This clashes with what is already there.', '与现有内容冲突。'],
  RATE_LIMITED: ['Too many requests. Please wait a moment.', '请求过于频繁，请稍候。'],
  CONFIG_ERROR: ['A setting is wrong.', '设置有误。'],
  UNAVAILABLE: ['This is not available right now. Please try again.', '暂时不可用，请重试。'],
  STORAGE_ERROR: ['The server could not store or read its data. Check its disk.', '服务器无法读写数据，请检查磁盘。'],
  AT_CAPACITY: ['The server is talking to as many people as it can. Try again in a moment.', '服务器语音会话已满，请稍后再试。'],
  PROCESSING_ERROR: ['The message could not be processed.', '消息处理失败。'],
  INTERRUPTED: ['The reply was stopped.', '回复已停止。'],
  STT_NOT_CONFIGURED: ['No speech recognition is set up. Add one under Providers.', '尚未配置语音识别，请到“模型服务”添加。'],
  LLM_NOT_CONFIGURED: ['No chat model is set up. Add one under Providers.', '尚未配置聊天模型，请到“模型服务”添加。'],
  PROVIDER_ERROR: ['The provider failed.', '模型服务出错。'],
  TIMEOUT: ['The reply took too long and was given up.', '回复超时，已放弃。'],
  PLUGIN_ERROR: ['A plugin failed.', '插件出错。'],
  OFFLINE: ['The connection was lost. The message was not sent.', '连接已断开，消息未发送。'],
} as const satisfies Texts
export type ErrorCode = keyof typeof errorTexts
