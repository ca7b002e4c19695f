"""What may stand around the number in an answer to a question for the age: choices in the language
of phrases (`matchers.language.phrases`), without gaps.

Left out on purpose: `at`, `by`, `about`, `around` and a bare `in`, which make the number a time or
a quantity, with their like in other languages; `today` and its like; a bare `am`, which makes it a
date in German; and words that mean `not` besides `no`.
"""

ALMOST = """
almost | nearly | turning | going on | soon | soon to be | about to (be|turn) | (im|i am)?
(gonna|going to) be | im about to (be|turn) | fast | bald | casi | quase | quasi | presque |
bientot | bijna | prawie | niedlugo | zaraz | почти | скоро | hampir | bentar lagi | malapit na |
mag | magiging | nitakuwa | neredeyse | yakinda | قريبا | i (will|would)? be | i turn | ill be |
id be | voy a cumplir | cumplo | vou fazer | faco | je vais avoir | ich? (werde|werd) | ik? word |
bede (mial|miala) | koncze | skoncze | sto per (fare|compiere|compierne) | faccio | compio |
исполнится | будет | halos | tra poco
"""
"""Before an age that is not reached yet, which may follow another (`13 going on 14`)."""

BEFORE = """
i (just|only)? turned | um | umm | ummm | uh | uhh | uhm | er | erm | hm | hmm | hmmm | mm | oh |
ah | eh | ok | okay | k | kk | well | just | only | still | barely | actually | tbh | ngl |
honestly | so | now | i | i am | im | iam | i just | just turned | turned | yes | yea | yeah | yep
| yup | ya | no | nope | nah | same | same (here|age) | me | me too | hi | hey | hello | lol |
lmao | haha | hahaha | hehe | its | it is | my age is | age | btw | (im)? a? (girl|boy) | ich bin
| bin | ich | erst | nur | noch | schon | grad | grade | gerade | aeh | ahm | aehm | ohm | ja | jo
| jap | nein | ne | nee | auch | ich auch | also | naja | hallo | gleich | mein alter ist | tja |
tengo | yo | yo tengo | solo | apenas | recien | acabo de cumplir | si | hola | pues | bueno | mi
edad es | tambien | igual | em | todavia | tenho | eu | eu tenho | fiz | acabei de fazer | sim |
oi | ola | tbm | tambem | bem | ainda | minha idade e | ho | io | io ho | appena | ancora | ciao |
beh | boh | ehm | anch? io | anchio | ho appena (fatto|compiuto) | soltanto | jai | j ai | a peine
| seulement | juste | euh | heu | ben | bah | bon | oui | ouais | non | moi | moi aussi | salut |
coucou | encore | je viens d avoir | mon age (c est|cest) | ik | ik? ben | net | maar | nog | ook
| al | slechts | nou | hoi | mijn leeftijd is | ja? mam | dopiero | tylko | skonczylam |
skonczylem | juz | jeszcze | tak | hej | czesc | yyy | eee | wlasnie | tez | ja tez | я | мне |
только | всего | всего лишь | уже | еще | исполнилось | да | нет | ну | ага | привет | эм | тоже |
недавно | ben | ben de | bende | daha | sadece | henuz | evet | hayir | sey | selam | merhaba |
yeni | yasim | benim yasim | aku | saya | gue | gw | umur | umurku | baru | cuma | cuman | masih |
iya | halo | hai | udah | sudah | sama | ako | ako ay | edad ko | oo | opo | po | palang | nina |
mimi | miaka | umri wangu | ndio | hapana | bado | tu | main | mai | mera age | meri
(umar|umr|age) | abhi | sirf | bas | haan | ha | han | ji | मैं | मेरी उम्र | अभी | सिर्फ | बस |
हां | जी | انا | عمري | بس | فقط | لسه | لسا | نعم | اي | ايوه | ايوا | مرحبا | هلا | يعني
"""

GLUED_ALMOST = """
もうすぐ | 快 | 快要 | 곧 | 거의 | そろそろ | 来月 | 来年 | 马上 | 馬上 | 即将 | 明年 | 下个月 |
내년에
"""

GLUED_BEFORE = """
もうすぐ | もう少しで | まだ | 今 | いま | えっと | えーと | ええと | うーん | はい | うん |
いいえ | 俺 | 僕 | ぼく | 私 | わたし | 俺は | 僕は | 私は | 自分は | 今年 | 同じ | 我 | 我是 |
我也 | 我才 | 快 | 快要 | 快满 | 快到 | 刚 | 刚满 | 剛 | 剛滿 | 才 | 只有 | 还 | 還 | 嗯 | 呃 | 额
| 啊 | 哦 | 好 | 好的 | 是 | 是的 | 你好 | 嗨 | 满 | 就 | 나 | 저 | 나는 | 난 | 저는 | 전 | 나도 |
저도 | 이제 | 아직 | 거의 | 곧 | 겨우 | 네 | 넵 | 응 | 어 | 아니요 | 음 | 안녕 | 만 | 올해 | 방금
"""

UNITS = """
yo | y o | y | f | m | (yr|yrs|year|years) old? | years of age | ano | anos | anni | an | ans |
jahr | jahre alt? | jaar oud? | lat | latka | latek | лет | год | года | годик | годиков | yas |
yasindayim | yasinda | tahun | thn | th | taon | taong gulang | miaka | साल (का|की)? | साल (का|की)
हूं | (saal|sal) (ka|ki)? | (saal|sal) (ka|ki) (hu|hun|hoon) | سنوات | سنه | سنين | عاما | عام
"""

GLUED_UNITS = "세 | 살 | 歳 | 才 | さい | 岁 | 歲 | 岁半 | 歲半 | 周岁"

AFTER = """
btw | lol | lmao | haha | hahaha | hehe | xd | xx | tho | though | now | rn | right now | actually
| only | almost | and? a? half | here | too | as well | same | ok | yes | yeah | girl | boy |
(im)? a (girl|boy) | bro | dude | sir | maam | miss | why | why (do|are|r|u|you)? (u|you)?
(ask|asking) | alt | jetzt | erst | geworden | einhalb | warum | wieso | schon | madchen | junge |
casi | ya | este (mes|ano) | y medio | jaja | jajaja | por que | chica | chico | nina | nino |
cumplidos | recien cumplidos | apenas | ja | (este|esse) (mes|ano) | e meio | kkk | kkkk | rs |
rsrs | pq | menina | menino | quase | e mezzo | questo mese | quest anno | questanno | perche |
ragazza | ragazzo | compiuti | ahah | ahahah | quasi | et demi | ce mois ci | cette annee | mdr |
ptdr | pourquoi | fille | garcon | maintenant | deja | en (een)? half | deze maand | dit jaar | nu
| waarom | meisje | jongen | pas | hoor | bijna | i pol | w tym (miesiacu|roku) | czemu | dlaczego
| dziewczyna | chlopak | skonczone | с половиной | в этом (месяце|году) | почти | лол | ахах |
хаха | почему | а что | девочка | мальчик | девушка | парень | уже | исполнилось | пока | вот |
siz | oluyorum | oldum | bu (ay|yil|sene) | (gelecek|onumuzdeki) (ay|hafta|yil) | seneye | ocakta
| subatta | martta | nisanda | mayista | haziranda | temmuzda | agustosta | eylulde | ekimde |
kasimda | aralikta | bucuk | neden | niye | kiz | kizim | erkek | setengah | bulan
(januari|februari|maret|april|mei|juni|juli|agustus|september|oktober|november|desember) | wkwk |
wkwkwk | kenapa | cewek | cowok | sih | doang | aja | nih | kak | ka | kaka | bang | om | mas |
mbak | po | opo | kuya | ate | lang | lang po | pa lang | palang | na | na po | kayo | at kalahati
| sa (enero|pebrero|marso|abril|mayo|hunyo|hulyo|agosto|setyembre|oktubre|nobyembre|disyembre) |
ngayong taon | ngayon | bakit | babae | lalaki | na nusu | sasa | tu | msichana | mvulana | ka
(hu|hun|hoon) | ki (hu|hun|hoon) | hu | hun | hoon | ji | bhai | bhaiya | didi | (agle|is)
(mahine|saal) | kyu | kyun | kyon | ladki | ladka | (का|की)? हूं | है | जी | भाई | अगले
(महीने|साल) | इस (महीने|साल) | ونص | ونصف | و نص | هذا الشهر | هالسنه | الشهر القادم | الشهر الجاي
| السنه الجايه | ليش | لماذا | بنت | ولد | ههه | هههه | بس | فقط
"""

LATER = """
soon | in
(january|jan|february|feb|march|april|may|june|july|august|aug|september|sept|sep|october|oct
|november|nov|december|dec|summer) | (this|next)
(week|month|year|summer|january|february|march|april|may|june|july|august|september
|october|november|december) | in a (week|month|year) | bald | im
(januar|februar|marz|april|mai|juni|juli|august|september|oktober|november|dezember) | im sommer |
(diesen|nachsten) monat | (diese|nachste) woche | (dieses|nachstes) jahr | pronto | el proximo mes
| el mes que viene | en
(enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre) | la
proxima semana | logo | em
(janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro) |
(mes|ano|semana) que vem | presto | tra poco | il mese prossimo | a
(gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre) |
la settimana prossima | l anno prossimo | lanno prossimo | bientot | en
(janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre) | le mois
prochain | la semaine prochaine | l annee prochaine | lannee prochaine | in
(januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december) |
volgende (maand|week) | volgend jaar | w
(styczniu|lutym|marcu|kwietniu|maju|czerwcu|lipcu|sierpniu|wrzesniu|pazdzierniku|listopadzie
|grudniu) | w przyszlym (tygodniu|miesiacu|roku) | za (tydzien|miesiac|rok) | niedlugo | в
(январе|феврале|марте|апреле|мае|июне|июле|августе|сентябре|октябре|ноябре|декабре) | в следующем
(месяце|году) | на следующей неделе | через (неделю|месяц|год) | скоро | yakinda | قريبا | قريب |
исполнится | будет | olacagim | haftaya | bulan (ini|depan) | tahun (ini|depan) | minggu depan |
mwezi ujao | mwaka (huu|ujao)
"""
"""After an age that is not reached yet, as a rule."""

ASKS = """
(and|n|nd|an)? (u|you|yourself) | (what|how|wat) (about|abt|bout) (u|you) | and? (wbu|hbu|wby|hby)
| and? how old (are|r)? (u|you)? | und? (du|dir|selbst) | und? wie alt bist du | (y|e)?
(tu|vos|usted|ti) | (y? cuantos anos)? tienes | y? cuantos tienes | e? (vc|voce) | e? quantos anos
(vc|voce)? tem | (e|a)? te | e? quanti anni hai | et? (toi|vous) | et? (t as|tas) quel age | et?
quel age as tu | en? (jij|jou) | en u | en? hoe oud ben (je|jij) | a? (ty|tobie) | a? ile (ty)?
masz lat? | (а|и)? (ты|тебе|вам) | а? сколько тебе лет? | (ve|ya|peki)? sen | sen kac | sen? kac
yasindasin | (dan|kalo|kalau)? kamu (kak|bang)? | kamu berapa | (at|e)? ikaw po? | ilang taon ka
na | (na|je)? wewe | una miaka mingapi | (aur|or|ya)? (tum|aap|tu) | और? (तुम|आप) | و? (انت|انتي)
| وانت | وانتي
"""
"""What asks back."""

GLUED_AFTER = """
です | ですよ | ですけど | だよ | だけど | だ | になります | になる | になった | になったばかり |
なったばかり | よ | ね | w | ww | www | 笑 | 女 | 女子 | 男 | 男子 | もうすぐ | 今月 | 来月 | 今年
| 来年 | なんで | 了 | 哦 | 呢 | 啊 | 呀 | 啦 | 喔 | 哈哈 | 哈哈哈 | 这个月 | 下个月 | 明年 |
为什么 | 女生 | 男生 | 而已 | 요 | 이요 | 이에요 | 예요 | 이야 | 야 | 임 | 입니다 | 인데 | 인데요
| 이고 | 됐어요 | 돼요 | 왜 | 왜요 | 여자 | 남자 | 반 | 올해 | 내년 | 다음 달 | 이번 달 | ㅋㅋ |
ㅋㅋㅋ | ㅎㅎ | ㅎㅎㅎ
"""

GLUED_ASKS = """
あなたは | 君は | きみは | そっちは | 你 | 你呢 | 妳呢 | 那你 | 那你呢 | 您呢 | 你多大 | 你几岁 |
너는 | 넌 | 너
"""
