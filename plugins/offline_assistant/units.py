"""Unit conversion: quantities and units as people say them, in English and Chinese."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .numerals import digits_for_words, number_text

# One unit a line: dimension, factor to the dimension's base, name for one, name for many, Chinese name, other names.
# Factors: the international yard and pound agreement of 1959; SI prefixes; US liquid measures unless named otherwise.
_TABLE = """
length 1 metre metres 米 m meter meters 公尺
length 1000 kilometre kilometres 公里 km kms kilometer kilometers 千米 klick klicks
length 0.1 decimetre decimetres 分米 dm decimeter decimeters
length 0.01 centimetre centimetres 厘米 cm centimeter centimeters 公分
length 0.001 millimetre millimetres 毫米 mm millimeter millimeters
length 1609.344 mile miles 英里 mi
length 0.9144 yard yards 码 yd yds
length 0.3048 foot feet 英尺 ft
length 0.0254 inch inches 英寸 in
length 1852 nautical_mile nautical_miles 海里 nm
length 500 li li 里 华里
mass 1 kilogram kilograms 公斤 kg kgs kilo kilos kilogramme kilogrammes 千克
mass 0.001 gram grams 克 g gramme grammes
mass 0.000001 milligram milligrams 毫克 mg
mass 1000 tonne tonnes 吨 t ton tons metric_ton metric_tons
mass 0.45359237 pound pounds 磅 lb lbs
mass 0.028349523125 ounce ounces 盎司 oz
mass 6.35029318 stone stones 英石 st
mass 0.5 jin jin 斤 市斤
volume 1 litre litres 升 l liter liters
volume 0.001 millilitre millilitres 毫升 ml milliliter milliliters cc
volume 3.785411784 gallon gallons 加仑 gal
volume 0.473176473 pint pints 品脱 pt
volume 0.946352946 quart quarts 夸脱
volume 0.2365882365 cup cups 杯
volume 0.01478676478125 tablespoon tablespoons 汤匙 tbsp
volume 0.00492892159375 teaspoon teaspoons 茶匙 tsp
volume 1000 cubic_metre cubic_metres 立方米 cubic_meter cubic_meters m3
time 1 second seconds 秒 s sec secs 秒钟
time 60 minute minutes 分钟 min mins 分
time 3600 hour hours 小时 h hr hrs 个小时 钟头 个钟头
time 86400 day days 天 日
time 604800 week weeks 周 星期 个星期 礼拜
time 31557600 year years 年
speed 1 metre_per_second metres_per_second 米每秒 m/s meters_per_second
speed 0.277777777777778 kilometre_per_hour kilometres_per_hour 公里每小时 km/h kph kmh kilometers_per_hour 千米每小时
speed 0.44704 mile_per_hour miles_per_hour 英里每小时 mph
speed 0.514444444444444 knot knots 节
area 1 square_metre square_metres 平方米 m2 square_meter square_meters 平米
area 1000000 square_kilometre square_kilometres 平方公里 km2 square_kilometer square_kilometers
area 0.09290304 square_foot square_feet 平方英尺 sqft
area 10000 hectare hectares 公顷 ha
area 4046.8564224 acre acres 英亩
area 666.666666666667 mu mu 亩
data 1 byte bytes 字节 b
data 1000 kilobyte kilobytes 千字节 kb
data 1000000 megabyte megabytes 兆字节 mb 兆
data 1000000000 gigabyte gigabytes 吉字节 gb
data 1000000000000 terabyte terabytes 太字节 tb
energy 1 joule joules 焦耳 j
energy 1000 kilojoule kilojoules 千焦 kj
energy 4184 calorie calories 大卡 kcal kilocalorie kilocalories 千卡 卡路里
energy 3600000 kilowatt_hour kilowatt_hours 千瓦时 kwh 度电
angle 1 degree_of_arc degrees_of_arc 角度 deg
angle 57.2957795130823 radian radians 弧度 rad
temperature 0 degree_Celsius degrees_Celsius 摄氏度 celsius c °c centigrade degree_centigrade degrees_centigrade 度 摄氏 degree degrees
temperature 0 degree_Fahrenheit degrees_Fahrenheit 华氏度 fahrenheit f °f 华氏
temperature 0 kelvin kelvins 开尔文 k
"""


@dataclass(frozen=True)
class Unit:
    """One unit.

    Attributes:
        dimension: Only units of one dimension convert into each other.
        factor: How many of the dimension's base unit it is.
    """

    dimension: str
    factor: float
    one: str
    many: str
    chinese: str


@dataclass(frozen=True)
class Conversion:
    """A conversion that was understood and done."""

    value: float
    source: Unit
    result: float
    target: Unit


class Units:
    """Finds units by any of their names."""

    def __init__(self) -> None:
        self._by_name: dict[str, Unit] = {}
        for line in _TABLE.strip().splitlines():
            dimension, factor, one, many, chinese, *others = line.split()
            unit = Unit(dimension, float(factor), one.replace("_", " "), many.replace("_", " "), chinese)
            for name in (one, many, chinese, *others):
                self._by_name[name.replace("_", " ").lower()] = unit

    def find(self, name: str) -> Unit | None:
        """The unit of that name, singular or plural, English or Chinese."""
        cleaned = re.sub(r"^(?:a|an|the|us|of|个)\s*", "", name.strip().lower().rstrip("."))
        return self._by_name.get(cleaned) or self._by_name.get(cleaned.removesuffix("s"))

    def convert(self, quantity: str, unit: str) -> Conversion | None:
        """``convert("five miles", "kilometres")``; None when it is no conversion.

        Raises:
            ValueError: Both units are known but measure different things.
        """
        target = self.find(unit)
        match = re.fullmatch(
            r"(?:(?:a|an|the|about)\s+)?(-|minus )?\s*(\d+(?:\.\d+)?)?\s*(.+)", digits_for_words(quantity)
        )
        if target is None or match is None:
            return None
        sign, digits, rest = match.groups()
        source = self.find(rest.removeprefix("degrees ") if self.find(rest) is None else rest)
        if source is None:
            return None
        if source is target and source.dimension == "temperature" and "degrees" in rest:
            source = self._by_name["fahrenheit"]  # "100 degrees in Celsius" means the other scale
        if source.dimension != target.dimension:
            raise ValueError(f"{source.many} and {target.many}")
        value = float(digits or 1) * (-1 if sign else 1)
        if source.dimension == "temperature":
            result = _from_kelvin(_to_kelvin(value, source), target)
        else:
            result = value * source.factor / target.factor
        return Conversion(value, source, _rounded(result), target)


def spoken(value: float, unit: Unit, *, chinese: bool) -> str:
    """A quantity for people."""
    if chinese:
        return f"{number_text(value)}{unit.chinese}"
    return f"{number_text(value)} {unit.one if value == 1 else unit.many}"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}") if abs(value) < 1e6 else round(value)


def _to_kelvin(value: float, unit: Unit) -> float:
    if unit.one.endswith("Celsius"):
        return value + 273.15
    return (value - 32) * 5 / 9 + 273.15 if unit.one.endswith("Fahrenheit") else value


def _from_kelvin(value: float, unit: Unit) -> float:
    if unit.one.endswith("Celsius"):
        return round(value - 273.15, 6)
    return round((value - 273.15) * 9 / 5 + 32, 6) if unit.one.endswith("Fahrenheit") else value
