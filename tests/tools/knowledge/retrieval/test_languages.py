"""Full-text search in many languages, all in one knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import KnowledgeBase
from ossifrage.tools.knowledge.store.lexical import document_language

PASSAGES = {
    "th": [
        "นกแร้งเคราทิ้งกระดูกลงมาจากที่สูงเพื่อให้แตก",
        "เหยี่ยวดำทำรังบนต้นไม้ใกล้แม่น้ำ",
        "แมวชอบนอนในบ้านตอนกลางวัน",
        "ชาวนาปลูกข้าวในฤดูฝนทุกปี",
    ],
    "zh": [
        "胡兀鹫把骨头从高处扔下来摔碎。",
        "黑鸢在河边的大树上筑巢。",
        "向量数据库可以存储和检索大量数据。",
        "农民每年春天在田里种水稻。",
    ],
    "ja": [
        "ヒゲワシは骨を高い所から落として割る。",
        "トビは川のそばの木に巣を作る。",
        "猫は昼間に家の中で眠っている。",
        "農家は毎年春に田んぼで米を育てます。",
    ],
    "ko": [
        "수염수리는 높은 곳에서 뼈를 떨어뜨려 깨뜨린다.",
        "솔개는 강가의 나무에 둥지를 짓는다.",
        "고양이는 낮에 집에서 잠을 잔다.",
        "농부들은 해마다 봄에 논에 벼를 심는다.",
    ],
    "de": [
        "Der Bartgeier lässt die Knochen aus großer Höhe auf die Felsen fallen.",
        "Der Milan baut sein Nest in den Bäumen und kehrt mit den Jungen zurück.",
        "In der Stadt sind die alten Häuser mit roten Ziegeln gedeckt und werden nicht verkauft.",
        "Die Bauern haben im Frühling das Getreide auf den Feldern gesät.",
    ],
    "fr": [
        "Le gypaète laisse tomber les os sur les rochers pour les casser.",
        "Le milan construit son nid dans un arbre et il revient avec les jeunes.",
        "Les journaux nationaux sont imprimés dans la nuit et vendus au matin.",
        "Les paysans ont semé le blé dans les champs au printemps.",
    ],
    "es": [
        "El quebrantahuesos deja caer los huesos sobre las rocas para romperlos.",
        "El milano construye su nido en los árboles que están cerca del río.",
        "Las canciones más antiguas del pueblo se cantaban en las fiestas de otoño.",
        "Los campesinos sembraron el trigo en los campos con la primavera.",
    ],
    "pt": [
        "O abutre deixa cair os ossos sobre as rochas para que se quebrem.",
        "O milhafre constrói o ninho nas árvores que estão perto do rio.",
        "As nações da região não assinaram os tratados que foram propostos.",
        "Os camponeses semearam o trigo nos campos com a primavera.",
    ],
    "it": [
        "Il gipeto lascia cadere le ossa sulle rocce per romperle.",
        "Il nibbio costruisce il nido sugli alberi che sono vicino al fiume.",
        "Le biblioteche della città non sono aperte di domenica.",
        "I contadini hanno seminato il grano nei campi in primavera.",
    ],
    "nl": [
        "De lammergier laat de botten van grote hoogte op de rotsen vallen.",
        "De wouw bouwt het nest in een boom en komt met de jongen terug.",
        "In de stad zijn de oude huizen met rode pannen bedekt en niet te koop.",
        "De boeren hebben het graan in het voorjaar op de velden gezaaid.",
    ],
    "sv": [
        "Lammgamen släpper benen från hög höjd så att de krossas mot klipporna.",
        "Gladan bygger boet i träden och återvänder till det med ungarna.",
        "De gamla böckerna i biblioteket är inte till salu och har aldrig varit det.",
        "Bönderna har sått vetet på åkrarna för att skörda det till hösten.",
    ],
    "pl": [
        "Orłosęp zrzuca kości na skały z dużej wysokości, żeby je rozbić.",
        "Kania buduje gniazdo na drzewie nad rzeką i wraca do niego co roku.",
        "Stare zamki są otwarte dla zwiedzających przez całe lato.",
        "Rolnicy sieją pszenicę na polach, które są po drugiej stronie rzeki.",
    ],
    "tr": [
        "Sakallı akbaba kemikleri kırmak için çok yüksekten kayalara bırakır.",
        "Kara çaylak yuvasını ağaçların üzerine yapar ve her yıl geri döner.",
        "Eski evlerin çatıları kırmızı kiremit ile kaplıdır ve çok sağlamdır.",
        "Çiftçiler her bahar tarlalara buğday eker ve daha sonra hasat eder.",
    ],
    "ru": [
        "Бородач роняет кости с большой высоты на скалы, чтобы разбить их.",
        "Чёрный коршун строит гнездо на деревьях у реки.",
        "Старые книги хранятся в подвале городской библиотеки.",
        "Крестьяне весной сеют пшеницу на полях.",
    ],
    "el": [
        "Ο γυπαετός ρίχνει τα κόκαλα στους βράχους για να σπάσουν.",
        "Το τσακίρι χτίζει τη φωλιά του στα δέντρα κοντά στο ποτάμι.",
        "Τα παλιά βιβλία φυλάσσονται στο υπόγειο της βιβλιοθήκης.",
        "Οι αγρότες σπέρνουν το σιτάρι στα χωράφια την άνοιξη.",
    ],
    "ar": [
        "يُسقط النسر الملتحي العظام من ارتفاع كبير على الصخور.",
        "تبني الحدأة عشها في الأشجار قرب النهر.",
        "تُحفظ الكتب القديمة في قبو المكتبة.",
        "يزرع الفلاحون القمح في الحقول كل ربيع.",
    ],
    "fa": [
        "هما استخوان‌ها را از ارتفاع زیاد بر صخره می‌اندازد تا آن را بشکند.",
        "کورکور لانه خود را بر درختان کنار رودخانه می‌سازد که بلند است.",
        "کتاب‌های قدیمی در زیرزمین کتابخانه نگهداری شده است.",
        "کشاورزان هر بهار در مزرعه گندم می‌کارند.",
    ],
    "hi": [
        "दाढ़ी वाला गिद्ध हड्डियों को ऊँचाई से चट्टानों पर गिराता है।",
        "चील नदी के किनारे पेड़ों पर घोंसला बनाती है।",
        "पुरानी किताबें पुस्तकालय के तहखाने में रखी जाती हैं।",
        "किसान हर साल खेतों में गेहूँ बोते हैं।",
    ],
    "en": [
        "The bearded vulture drops the bones from a height to crack them.",
        "The red kite builds its nest in the trees near the river.",
        "Old houses in the city are covered with red tiles and not for sale.",
        "The farmers sow wheat in the fields every spring.",
    ],
}


@pytest.fixture(scope="module", params=["none", "wordllama"])
def many(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("languages")
    for code, passages in PASSAGES.items():
        for number, text in enumerate(passages):
            (folder / f"{code}{number}.txt").write_text(text + "\n")
    with KnowledgeBase(tmp_path_factory.mktemp("base"), embedding=request.param) as base:
        base.add([folder])
        yield base


QUERIES = [
    ("กระดูก", "th0"),
    ("นกแร้ง", "th0"),
    ("แมวนอนที่ไหน", "th2"),
    ("ปลูกข้าว", "th3"),
    ("骨头", "zh0"),
    ("鸟巢 树", "zh1"),
    ("怎么检索数据", "zh2"),
    ("水稻什么时候种", "zh3"),
    ("骨を落とす", "ja0"),
    ("ﾋｹﾞﾜｼ", "ja0"),
    ("猫が眠る", "ja2"),
    ("뼈", "ko0"),
    ("둥지", "ko1"),
    ("고양이가 자는 곳", "ko2"),
    ("농부는 언제 벼를", "ko3"),
    ("Knochen", "de0"),
    ("Baum", "de1"),
    ("Wie ist das Haus gedeckt?", "de2"),
    ("HAUS ZIEGEL", "de2"),
    ("Haeuser", "de2"),
    ("Feld Bauer", "de3"),
    ("l'os du gypaète", "fr0"),
    ("journal national", "fr2"),
    ("gypaete", "fr0"),
    ("hueso", "es0"),
    ("cancion antigua", "es2"),
    ("¿Quién sembraba el campo?", "es3"),
    ("região", "pt2"),
    ("tratado proposto", "pt2"),
    ("biblioteca aperta", "it2"),
    ("albero", "it1"),
    ("oud huis", "nl2"),
    ("bibliotek", "sv2"),
    ("bygga bo träd", "sv1"),
    ("zamek otwarty", "pl2"),
    ("rolnik pszenica", "pl3"),
    ("kemik", "tr0"),
    ("eski evler", "tr2"),
    ("кость", "ru0"),
    ("дерево", "ru1"),
    ("черного коршуна", "ru1"),
    ("Где хранится старая книга?", "ru2"),
    ("παλιό υπόγειο", "el2"),
    ("δεντρο", "el1"),
    ("عظام", "ar0"),
    ("نهر", "ar1"),
    ("مكتبة", "ar2"),
    ("كتاب قديم", "ar2"),
    ("کتاب قدیمی", "fa2"),
    ("درخت", "fa1"),
    ("हड्डी", "hi0"),
    ("किताब", "hi2"),
    ("पेड़ पर घोंसला", "hi1"),
    ("bone", "en0"),
    ("house tile", "en2"),
    ("Where did the farmer sow wheat?", "en3"),
    ("Welcher Vogel drops 骨头", "zh0"),
]


@pytest.mark.parametrize(("query", "source"), QUERIES)
def test_the_right_passage_is_first(many: KnowledgeBase, query: str, source: str) -> None:
    found = [passage.source.removesuffix(".txt").rpartition("/")[2] for passage in many.search(query)]
    assert found[:1] == [source], found


def test_an_embedding_has_no_say_in_a_language_that_it_does_not_know(many: KnowledgeBase) -> None:
    """What it finds there is chance, and would fill up the places behind the few that words find."""
    for query, source in QUERIES:
        if not source.startswith("en"):
            asked = [passage.source for passage in many.search(query)]
            assert asked == [passage.source for passage in many.search(query, mode="lexical")], query
    for query in ("Mähdrescher", "Traktor", "zyzzyva"):  # in a base of which English is a small part
        assert many.search(query) == [], query
    for query in ("Where do birds of prey live?", "house tile"):
        words = {passage.source for passage in many.search(query, mode="lexical")}
        more = {passage.source for passage in many.search(query)} - words
        assert bool(more) == (many.status().embedding != "none"), query
        assert {name.rpartition("/")[2][:2] for name in more} <= {"en"}, query


@pytest.mark.parametrize("code", ["de", "en", "es", "fa", "fr", "it", "nl", "pl", "pt", "sv", "tr"])
def test_the_language_of_a_text_is_told(code: str) -> None:
    assert document_language("\n".join(PASSAGES[code])) == code


def test_words_that_an_english_base_does_not_have_are_searched_by_meaning(tmp_path: Path) -> None:
    texts = {str(n): text for n, text in enumerate(PASSAGES["en"])}
    with KnowledgeBase(tmp_path / "base", embedding="wordllama") as base:
        base.add_texts(texts)
        assert base.search("automobile", mode="lexical") == []
        assert len(base.search("automobile")) == len(texts)
        assert base.search("Mähdrescher") == []
