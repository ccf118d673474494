// A file of the time zone database, and the rule of a TZ variable. Nothing may crash or overflow:
// whatever was read, what the clock shows is a time.
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/time_zone.h"

namespace {

void Use(const maxbrod::TimeZone& zone) {
  using maxbrod::CalendarUnit;
  constexpr int64_t kInstants[] = {std::numeric_limits<int64_t>::min(), -1, 0, 1'795'356'451'000,
                                   std::numeric_limits<int64_t>::max()};
  for (int64_t instant : kInstants) {
    (void)maxbrod::FormatCivilTime(instant, zone);
    (void)zone.OffsetAt(instant);
    for (CalendarUnit unit : {CalendarUnit::kHour, CalendarUnit::kDay, CalendarUnit::kWeek,
                              CalendarUnit::kMonth, CalendarUnit::kYear}) {
      (void)zone.StartOf(unit, instant);
      (void)zone.StartOfNext(unit, instant);
    }
    const maxbrod::CivilTime shown = zone.At(instant);
    MB_CHECK(shown.month >= 1 && shown.month <= 12 && shown.day >= 1 && shown.day <= 31);
    MB_CHECK(shown.weekday >= 1 && shown.weekday <= 7 && shown.hour >= 0 && shown.hour <= 23);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace maxbrod;
  auto by_file = TimeZone::FromFile("fuzz", {data, size});
  if (by_file.ok()) Use(*by_file);
  auto by_rule = TimeZone::FromRule(AsText({data, size}));
  if (by_rule.ok()) Use(*by_rule);
  return 0;
}
