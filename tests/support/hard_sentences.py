"""Hard cases of cutting text into sentences. A bar marks where a new sentence begins; the text itself has no bars.

The first-clause rule is left out here (``first_chunk_words=0``): the table is about sentences.
"""

from __future__ import annotations

PLAIN = """
Hello there. |How are you?
It works! |Really? |Yes.
Dr. Smith went home. |He was tired.
Mr. and Mrs. Jones live on St. John's Road. |It is quiet.
Prof. Lee and Gen. Grant met Sen. Hill. |They spoke.
I was born in Washington, D.C. and grew up there.
He lives in the U.S. now. |She does not.
The U.S. Army came. |It left.
We met at 5 p.m. on Monday. |It was late.
We met at 5 p.m. |It was late.
Get milk, eggs, etc. from the shop. |Then come home.
Get milk, eggs, etc. |Then come home.
Use tools, e.g. a hammer. |Be careful.
One thing, i.e. the price, matters. |Nothing else does.
Compare apples vs. oranges. |Both are fruit.
See Fig. 3 and Eq. 7. |They agree.
It is on p. 12 of vol. 3. |Look there.
She works at Acme Inc. in Boston. |He does too.
She works at Acme Inc. |He does too.
J. K. Rowling wrote it. |People read it.
George W. Bush spoke. |He left.
John F. Kennedy was president. |He was young.
Pi is 3.14159. |It never ends.
It costs $3.50. |That is cheap.
The price is $1,000.50 today. |Buy now.
Version 2.0.1 is out. |Update now.
Add 1.5 cups of flour. |Stir.
It is 20.5 degrees. |Nice.
Wait... what? |I see.
Well... maybe not. |Fine.
He paused… and went on. |Then he stopped…
I don't know... |Maybe tomorrow.
What?! |No way!
Really?? |Yes!!
"Stop!" he said. |She stopped.
He said, "I am here." |She nodded.
“Are you there?” she asked. |“Yes.” |He smiled.
(It rained.) |We stayed in.
He left (it was late.) and slept.
Visit https://example.com/a.b?c=d.e today. |It is good.
Go to www.example.org. |Read it.
Mail me at john.doe@example.com. |Thanks.
Open main.py and run it. |It works.
Edit config.toml, then restart. |Done.
The file is in /etc/nginx/nginx.conf. |Edit it.
Call 555.123.4567 now. |Ask for Bob.
His IP is 192.168.0.1. |Ping it.
The time is 10:30. |Go.
The score was 3:2. |We won.
On Jan. 5 we met. |On Feb. 6 we left.
It is open Mon. to Fri. from nine. |It is closed on Sun.
No. 5 is alive. |It said no. |We left.
The answer is no. |Try again.
I have no. 3 and no. 4. |Good.
He ran. |she walked.
Is it 5 ft. tall? |No, it is 6 ft. tall.
It weighs 5 lb. or so. |Heavy.
Vitamin C. is not plan B. |It is plan A.
So do I. |And you?
It was me and I. |Then they left.
Let x = 3. |Then y = 4.
E.g. this one. |And that one.
At 8 a.m. sharp we left. |At 9 a.m. we arrived.
The Ph.D. student slept. |She dreamed.
She has a Ph.D. |He has none.
Ph.D. students work. |A lot.
The company (Acme Corp.) grew. |It sold.
Tel. 12345 is ours. |Ring it.
Approx. ten people came. |They ate.
Chapter 3. |The storm.
It is 100%. |Sure.
Do it now!! |Please.
Yes! |No! |Maybe!
One. |Two. |Three.
Hi. |I am Bob.
Rock 'n' roll is fun. |It's loud.
The '90s were great. |The '80s too.
It's John's. |Not Mary's.
Send it ASAP. |Thanks.
A.I. is here. |It helps.
He is 6 ft. 2 in. tall. |That's tall.
We use Node.js. |It is fast.
The .NET runtime is big. |It is old.
I use C++. |And C#.
What is 2 + 2? |It is 4.
It is 5 > 3. |Right.
She said yes; he said no. |They left.
Note: this is it. |Nothing more.
The end
你好！ |今天天气很好，我们去公园吧。 |好的。
现在是下午四点。 |你想做什么？ |我可以帮你。
价格是3.5元。 |很便宜！
他说：“你好。” |然后走了。
“真的吗？” |她问。 |“真的！”
等等…… |什么？
我用Python 3.12写代码。 |很好用。
こんにちは。 |お元気ですか？ |はい、元気です。
「すごい！」 |と彼は言った。 |終わり。
안녕하세요. |반갑습니다.
Привет. |Как дела? |Хорошо.
C'est la vie. |Voilà !
¿Qué hora es? |Son las tres.
¡Hola! |¿Cómo estás?
Das ist z.B. gut. |Das ist d.h. besser.
यह है। |वह है।
هل أنت هنا؟ |نعم.
I said “no”. |He said ‘yes’. |Fine.
Hello 😊. |How are you? |👍
Great! |🎉 Let's go!
"""

_NL = "\n"
MARKDOWN = [
    ("# Title\n\nSome text. More text.", ["Title\n", "\nSome text. ", "More text."]),
    ("- one\n- two\n- three", ["one\n", "two\n", "three"]),
    ("* **Bold** item\n* *Soft* item", ["Bold item\n", "Soft item"]),
    ("1. First.\n2. Second.\n10. Tenth.", ["1. First.\n", "2. Second.\n", "10. Tenth."]),
    ("1. First\n2. Second", ["1. First\n", "2. Second"]),
    ("a. One\nb. Two", ["a. One\n", "b. Two"]),
    ("Text.\n\n```python\nprint(1.0)\n```\n\nAfter.", ["Text.\n", "\n\nAfter."]),
    ("Use `pip install x.y` now. Done.", ["Use pip install x.y now. ", "Done."]),
    ("See [the docs](https://a.b/c.d). Good.", ["See the docs. ", "Good."]),
    ("![A cat](cat.png) Nice.", ["A cat Nice."]),
    ("> Quoted. Twice.\n\nEnd.", ["Quoted. ", "Twice.\n", "\nEnd."]),
    ("Line one\n\n---\n\nLine two", ["Line one\n", "\n\n\nLine two"]),
    ("| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd.", ["a, b\n", "\n1, 2\n", "\nEnd."]),
    ("This is **very important**. Yes.", ["This is very important. ", "Yes."]),
    ("~~Old~~ New. Yes.", ["Old New. ", "Yes."]),
    ("snake_case_name stays. So does 2 * 3 * 4.", ["snake_case_name stays. ", "So does 2 * 3 * 4."]),
    ("5*3 is 15. a*b too.", ["5*3 is 15. ", "a*b too."]),
    ("<b>Bold</b> text.<br>More.", ["Bold text.\n", "More."]),
    ("a < b and b > c. Yes.", ["a < b and b > c. ", "Yes."]),
    ("<https://example.com/x> is it. Yes.", ["https://example.com/x is it. ", "Yes."]),
    ("- [x] done\n- [ ] open", ["done\n", "open"]),
    ("[1] is a note. [2] too.", ["[1] is a note. ", "[2] too."]),
    ("Unclosed ```\ncode. more. forever.", ["Unclosed \n", "code. ", "more. ", "forever."]),
    ("```\nonly code.\n```", []),
    ("Before.\n~~~\ncode\n~~~\nAfter.", ["Before.\n", "After."]),
    ("A line that was wrapped by the program that made it and\ngoes on here. Yes.",
     ["A line that was wrapped by the program that made it and\ngoes on here. ", "Yes."]),
    ("Escaped \\*stars\\* stay. Yes.", ["Escaped *stars* stay. ", "Yes."]),
    ("**Note:** watch out. *Now.*", ["Note: watch out. ", "Now."]),
    ("#hashtag is fine. #1 too.", ["#hashtag is fine. ", "#1 too."]),
    ("-5 degrees. +3 too.", ["-5 degrees. ", "+3 too."]),
    ("😀", ["😀"]),
    ("...", ["..."]),
    ("", []),
    ("   \n\n ", []),
]  # fmt: skip
"""Markdown with the chunks that are spoken of it."""


def plain_cases() -> list[list[str]]:
    """The sentences of each line of ``PLAIN``, blanks at their ends included."""
    return [line.split("|") for line in PLAIN.strip().splitlines()]
