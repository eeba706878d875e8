"""Words that the rules of listening and speaking know. One-place changes: a language is added by adding its words."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(phrase.strip() for phrase in text.replace("\n", ",").split(",") if phrase.strip())


# --- sentences -----------------------------------------------------------------------------------------

BEFORE_MORE = _words("""
    mr mrs ms mx dr prof rev fr hon gen sen rep gov pres capt cmdr lt col maj sgt cpl adm st ste mt ft no nos nr fig
    figs eq vs v viz cf e.g i.e approx ca al ed eds vol pp p ch art dept univ assn bros mme mlle messrs bzw z.b d.h u.a
    sr.a sra srta dra
""")
"""Abbreviations that something always follows; without their last full stop."""

SOMETIMES_LAST = _words("""
    etc inc ltd co corp llc plc jr sr a.m p.m am pm b.c a.d u.s u.k u.n e.u d.c ph.d m.d b.a m.a jan feb mar apr jun jul
    aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun ave blvd rd est min max hr hrs sec secs in oz
    lb lbs tel ext usw ggf
""")
"""Abbreviations that may end a sentence: a capital letter after them says so."""

SENTENCE_STARTS = _words("""
    The A An It He She They We You I This That These Those There Here His Her Its Their Our My Your In On At By For From
    With But And So If When While What Who Where Why How Yes No Not Then Now After Before Because However Let Please
""")
"""Words that begin a sentence more often than they are part of a name."""

# --- the end of a turn ---------------------------------------------------------------------------------

HANGING_WORDS = _words("""
    a an the and or but so because if then when while that which who whose whom to of in on at by for from with about
    into onto over under than as like is are was were am be been i'm you're we're they're it's my your his her its our
    their i we they he she not very really just um uh er erm hmm well maybe plus also either neither whether since until
    unless although though i'd i'll let's can could would should will shall may might must do does did has have had
""")
"""Words after which a sentence goes on."""

HANGING_ENDS = tuple(
    _words("""
    然后 但是 可是 因为 所以 如果 而且 或者 还有 就是 那个 这个 比如 比如说 虽然 不过 和 跟 把 被 给 在 对 我 我想
    我要 嗯 呃 的话 というか から けど でも そして
""")
)

QUESTION_STARTS = _words("""
    what who where when why how which whose is are do does did can could will would should have has tell show give
""")

COMPLETE_ENDS = tuple(_words("吗 呢 吧 了 啊 谢谢 再见 好的 です ます ますか ですか ください"))

COMPLETE_PHRASES = _phrases("""
    yes, no, stop, thanks, thank you, thank you very much, goodbye, bye, hello, hi, never mind, that's all, that's it
    help, continue, go on, yes please, no thanks, 好, 是, 不是, 不, 停
""")

# --- signs of listening --------------------------------------------------------------------------------

BACKCHANNELS = _phrases("""
    mhm, mm, mmm, hm, hmm, uh, huh, uh huh, uhhuh, mm hmm, um, ah, aha, oh, ooh, ok, okay, k, yeah, yep, yup, yes, right
    sure, i see, got it, good, great, cool, nice, wow, really, exactly, true, alright, all right, of course, fine
    嗯, 嗯嗯, 哦, 噢, 喔, 啊, 呃, 唔, 哎, 好, 好的, 好吧, 行, 对, 对对, 对对对, 是, 是的, 是啊, 对啊, 没错, 知道了, 明白
    明白了, 这样啊, 原来如此, 哈, 哈哈, はい, うん, ええ, そう, そうですね, なるほど
""")
"""What people say while they listen; it does not interrupt."""

MISHEARD_SIGNS = _words("m the of a an and but or to so do you them above")
"""What small recognisers make of "mhm" and "uh huh"; with these alone nothing is said."""
