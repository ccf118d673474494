#include "store/store_contract_testing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstring>
#include <functional>
#include <random>
#include <thread>

#include "base/limits.h"

namespace maxbrod::store {
namespace {

constexpr size_t kGetMax = 64 * kMiB;
constexpr int kRacers = 16;

// Runs `body(i)` in kRacers threads that begin together.
void Race(const std::function<void(int)>& body) {
  std::barrier start(kRacers);
  std::vector<std::jthread> threads;
  for (int i = 0; i < kRacers; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      body(i);
    });
  }
}

}  // namespace

std::string PatternBytes(uint64_t seed, size_t size) {
  std::mt19937_64 generator(seed);
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
    uint64_t word = generator();
    std::memcpy(bytes.data() + at, &word, std::min(sizeof(word), size - at));
  }
  return bytes;
}

std::string StoreContract::Word(const Status& status) {
  return std::string(InfoOf(status.code()).name);
}

std::string StoreContract::Word(const Result<PutResult>& put) {
  if (!put.ok()) return Word(put.status());
  switch (put->outcome) {
    case PutOutcome::kCreated:
      return "created";
    case PutOutcome::kExistsSame:
      return "exists_same";
    case PutOutcome::kExistsOther:
      return "exists_other";
    case PutOutcome::kUnknown:
      return "unknown";
  }
  return "an outcome that does not exist";
}

std::string StoreContract::Put(const std::string& name, std::string_view bytes) {
  return Word(store().PutIfAbsent(name, AsBytes(bytes), context()));
}

std::string StoreContract::Stream(const std::string& name, const std::vector<std::string>& pieces) {
  auto writer = store().Create(name, context());
  if (!writer.ok()) return Word(writer.status());
  for (const std::string& piece : pieces) {
    Status status = (*writer)->Append(AsBytes(piece));
    if (!status.ok()) return Word(status);
  }
  return Word((*writer)->Commit(context()));
}

std::string StoreContract::Get(const std::string& name) {
  Result<Bytes> bytes = store().Get(name, kGetMax, context());
  return bytes.ok() ? ToString(*bytes) : "<" + Word(bytes.status()) + ">";
}

std::string StoreContract::GetRange(const std::string& name, uint64_t offset, size_t size) {
  Bytes out(size, 0xee);
  Status status = store().GetRange(name, offset, out, context());
  return status.ok() ? ToString(out) : "<" + Word(status) + ">";
}

std::string StoreContract::List(const std::string& prefix, const std::string& start_after,
                                size_t limit) {
  Result<ListPage> page = store().List(prefix, start_after, limit, context());
  if (!page.ok()) return "<" + Word(page.status()) + ">";
  std::string names;
  for (const ObjectInfo& info : page->objects) names += (names.empty() ? "" : " ") + info.name;
  return page->truncated ? names + " ..." : names;
}

// Tests of later layers may link this file for its helpers alone.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

TEST_P(StoreContract, GivesBackWhatWasPut) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes.push_back(static_cast<char>(i));
  EXPECT_EQ(Put("a", "one"), "created");
  EXPECT_EQ(Put("folder/b", all_bytes), "created");
  EXPECT_EQ(Put("folder/sub/empty", ""), "created");
  EXPECT_EQ(Get("a"), "one");
  EXPECT_EQ(Get("folder/b"), all_bytes);
  EXPECT_EQ(Get("folder/sub/empty"), "");
}

TEST_P(StoreContract, PutJoinsPieces) {
  std::array<ByteView, 4> pieces = {AsBytes("one "), ByteView(), AsBytes("two "), AsBytes("three")};
  EXPECT_EQ(Word(store().PutIfAbsent("joined", pieces, context())), "created");
  EXPECT_EQ(Get("joined"), "one two three");
  EXPECT_EQ(Put("joined", "one two three"), "exists_same");
  EXPECT_EQ(Word(store().PutIfAbsent("joined", pieces, context())), "exists_same");
  EXPECT_EQ(Word(store().PutIfAbsent("nothing", std::span<const ByteView>(), context())),
            "created");
  EXPECT_EQ(Get("nothing"), "");
}

TEST_P(StoreContract, NeverOverwrites) {
  EXPECT_EQ(Put("log/1", "first"), "created");
  EXPECT_EQ(Put("log/1", "first"), "exists_same");
  for (const char* other : {"other", "firs", "first!", ""}) {
    EXPECT_EQ(Put("log/1", other), "exists_other") << other;
  }
  EXPECT_EQ(Stream("log/1", {"fi", "rst"}), "exists_same");
  EXPECT_EQ(Stream("log/1", {"second"}), "exists_other");
  EXPECT_EQ(Stream("log/1", {"firsT"}), "exists_other");
  EXPECT_EQ(Get("log/1"), "first");
  EXPECT_EQ(List(""), "log/1");
}

TEST_P(StoreContract, MissingObjectIsNotFound) {
  EXPECT_EQ(Put("folder/there", "x"), "created");
  for (const char* name :
       {"absent", "folder", "folder/absent", "folder/there/below", "no/such/folder"}) {
    EXPECT_EQ(Get(name), "<not_found>") << name;
    EXPECT_EQ(GetRange(name, 0, 1), "<not_found>") << name;
    EXPECT_EQ(GetRange(name, 0, 0), "<not_found>") << name;
    EXPECT_EQ(Word(store().Stat(name, context()).status()), "not_found") << name;
    if (GetParam().remove_tells_absence) {
      EXPECT_EQ(Word(store().Remove(name, context())), "not_found") << name;
    }
  }
  EXPECT_EQ(Get("folder/there"), "x");
}

TEST_P(StoreContract, RemoveFreesTheName) {
  EXPECT_EQ(Put("d/name", "first"), "created");
  EXPECT_EQ(GetRange("d/name", 0, 5), "first");
  EXPECT_EQ(Word(store().Remove("d/name", context())), "ok");
  EXPECT_EQ(Get("d/name"), "<not_found>");
  EXPECT_EQ(GetRange("d/name", 0, 5), "<not_found>");
  EXPECT_EQ(List(""), "");
  if (GetParam().remove_tells_absence) {
    EXPECT_EQ(Word(store().Remove("d/name", context())), "not_found");
  }
  EXPECT_EQ(Put("d/name", "second"), "created");
  EXPECT_EQ(GetRange("d/name", 0, 6), "second");
}

TEST_P(StoreContract, GetIsBounded) {
  EXPECT_EQ(Put("a", "12345"), "created");
  EXPECT_TRUE(store().Get("a", 5, context()).ok());
  EXPECT_EQ(Word(store().Get("a", 4, context()).status()), "corrupt");
  EXPECT_EQ(Word(store().Get("a", 0, context()).status()), "corrupt");
}

TEST_P(StoreContract, Ranges) {
  EXPECT_EQ(Put("a", "0123456789"), "created");
  EXPECT_EQ(GetRange("a", 0, 10), "0123456789");
  EXPECT_EQ(GetRange("a", 3, 4), "3456");
  EXPECT_EQ(GetRange("a", 9, 1), "9");
  EXPECT_EQ(GetRange("a", 10, 0), "");
  EXPECT_EQ(GetRange("a", 9, 2), "<corrupt>");
  EXPECT_EQ(GetRange("a", 10, 1), "<corrupt>");
  EXPECT_EQ(GetRange("a", 11, 0), "<corrupt>");
  EXPECT_EQ(GetRange("a", UINT64_MAX, 1), "<corrupt>");
  EXPECT_EQ(GetRange("a", UINT64_MAX - 1, 5), "<corrupt>");
}

TEST_P(StoreContract, StatAndClocks) {
  Result<int64_t> before = store().NowMillis(context());
  ASSERT_TRUE(before.ok()) << before.status().message();
  EXPECT_GT(*before, 1'500'000'000'000);  // milliseconds, and a clock that is set
  Result<PutResult> put = store().PutIfAbsent("a/b", AsBytes("12345"), context());
  ASSERT_EQ(Word(put), "created");
  Result<ObjectInfo> info = store().Stat("a/b", context());
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_EQ(info->name, "a/b");
  EXPECT_EQ(info->size, 5u);
  constexpr int64_t kMinuteMs = 60'000;
  EXPECT_NEAR(static_cast<double>(info->modified_ms), static_cast<double>(*before), kMinuteMs);
  EXPECT_NEAR(static_cast<double>(put->store_time_ms), static_cast<double>(*before), kMinuteMs);
  Result<ListPage> page = store().List("", "", 10, context());
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].size, 5u);
  EXPECT_EQ(page->objects[0].modified_ms, info->modified_ms);
  EXPECT_FALSE(store().Url().empty());
}

TEST_P(StoreContract, ListsInBytewiseOrder) {
  for (const char* name :
       {"b", "a/x", "a-b", "a.b", "a0", "a/x-1", "a/x.1", "a_b", "a1/z/y", "a1/z.y"}) {
    EXPECT_EQ(Put(name, "x"), "created") << name;
  }
  EXPECT_EQ(List(""), "a-b a.b a/x a/x-1 a/x.1 a0 a1/z.y a1/z/y a_b b");
}

TEST_P(StoreContract, ListsByPrefixAndStart) {
  for (const char* name :
       {"log/01", "log/02", "log/10", "logs", "pack/3f/a", "pack/3f/b", "pack/40/c"}) {
    EXPECT_EQ(Put(name, "x"), "created") << name;
  }
  EXPECT_EQ(List("log"), "log/01 log/02 log/10 logs");
  EXPECT_EQ(List("log/"), "log/01 log/02 log/10");
  EXPECT_EQ(List("log/0"), "log/01 log/02");
  EXPECT_EQ(List("log/01"), "log/01");
  EXPECT_EQ(List("log/01/"), "");
  EXPECT_EQ(List("pack/3"), "pack/3f/a pack/3f/b");
  EXPECT_EQ(List("absent/"), "");
  EXPECT_EQ(List("log/", "log/01"), "log/02 log/10");
  EXPECT_EQ(List("log/", "log/015"), "log/02 log/10");
  EXPECT_EQ(List("log/", "a"), "log/01 log/02 log/10");
  EXPECT_EQ(List("log/", "log/"), "log/01 log/02 log/10");
  EXPECT_EQ(List("log/", "log/10"), "");
  EXPECT_EQ(List("log/", "zzz"), "");
  EXPECT_EQ(List("", "pack"), "pack/3f/a pack/3f/b pack/40/c");
  EXPECT_EQ(List("", "pack/3f/a"), "pack/3f/b pack/40/c");
  EXPECT_EQ(List("", "pack/3f/zz"), "pack/40/c");
}

TEST_P(StoreContract, ListPrefixIsOnlyAString) {
  EXPECT_EQ(Put("a/b", "x"), "created");
  for (const char* prefix : {"/", "../", "../a", "a//", "./a", "a/../a", "A", "tmp/", "a b", "%"}) {
    EXPECT_EQ(List(prefix), "") << prefix;
  }
}

TEST_P(StoreContract, ListPages) {
  std::vector<std::string> names;
  for (int i = 0; i < 31; ++i) names.push_back(fmt::format("p/{:02}/{:03}", i % 5, i));
  for (const std::string& name : names) EXPECT_EQ(Put(name, "x"), "created");
  std::ranges::sort(names);
  for (size_t limit : {size_t{1}, size_t{4}, size_t{30}, size_t{31}, size_t{32}}) {
    std::vector<std::string> seen;
    std::string after;
    size_t pages = 0;
    for (bool more = true; more; ++pages) {
      ASSERT_LE(pages, names.size()) << limit;
      Result<ListPage> page = store().List("p/", after, limit, context());
      ASSERT_TRUE(page.ok()) << page.status().message();
      ASSERT_LE(page->objects.size(), limit);
      for (const ObjectInfo& info : page->objects) seen.push_back(info.name);
      more = page->truncated;
      if (more) {
        ASSERT_EQ(page->objects.size(), limit);
        after = seen.back();
      }
    }
    EXPECT_EQ(seen, names) << limit;
    EXPECT_EQ(pages, (names.size() + limit - 1) / limit);
  }
  EXPECT_EQ(List("p/", "", 0), "<invalid_argument>");
  EXPECT_EQ(List("p/", "", 1001), "<invalid_argument>");
}

TEST_P(StoreContract, RefusesInvalidNames) {
  const std::vector<std::string> bad = {"",
                                        "/",
                                        "/a",
                                        "a/",
                                        "a//b",
                                        ".",
                                        "..",
                                        "a/../b",
                                        "./a",
                                        "a/.",
                                        ".a",
                                        "a/.snapshot",
                                        "A",
                                        "a b",
                                        "a\\b",
                                        "a%2fb",
                                        "\xc3\xa4",
                                        "a\n",
                                        "tmp",
                                        "tmp/x",
                                        "a:b",
                                        std::string("a\0b", 3),
                                        std::string(513, 'a'),
                                        std::string(256, 'a'),
                                        "d/" + std::string(256, 'a')};
  for (const std::string& name : bad) {
    EXPECT_EQ(Put(name, "x"), "invalid_argument") << name;
    EXPECT_EQ(Stream(name, {"x"}), "invalid_argument") << name;
    EXPECT_EQ(Get(name), "<invalid_argument>") << name;
    EXPECT_EQ(GetRange(name, 0, 1), "<invalid_argument>") << name;
    EXPECT_EQ(Word(store().Stat(name, context()).status()), "invalid_argument") << name;
    EXPECT_EQ(Word(store().Remove(name, context())), "invalid_argument") << name;
  }
  EXPECT_EQ(List(""), "");
}

TEST_P(StoreContract, TakesTheLongestNames) {
  const std::string wide = std::string(255, 'a') + "/" + std::string(255, 'b');
  std::string deep;
  while (deep.size() < 510) deep += "d/";
  deep += "ee";
  for (const std::string& name : {wide, deep, std::string("tmpx"), std::string("tmp.x/tmp")}) {
    EXPECT_EQ(Put(name, "x"), "created") << name;
    EXPECT_EQ(Get(name), "x") << name;
    EXPECT_EQ(List(name), name);
  }
}

TEST_P(StoreContract, NameIsNotBothObjectAndFolder) {
  EXPECT_EQ(Put("d/e/f", "x"), "created");
  EXPECT_EQ(Put("g", "x"), "created");
  if (!GetParam().refuses_folder_conflicts) return;
  EXPECT_EQ(Put("d", "y"), "invalid_argument");
  EXPECT_EQ(Put("d/e", "y"), "invalid_argument");
  EXPECT_EQ(Put("g/h", "y"), "invalid_argument");
  EXPECT_EQ(Stream("g/h/i", {"y"}), "invalid_argument");
  EXPECT_EQ(List(""), "d/e/f g");
}

TEST_P(StoreContract, StreamsPieceByPiece) {
  auto writer = store().Create("pack/1", context());
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    // The caller's buffers are free again when Append returns.
    std::string head = fmt::format("<{}>", i);
    std::string body = PatternBytes(static_cast<uint64_t>(i), static_cast<size_t>(i) * 37);
    expected += head + body;
    std::array<ByteView, 3> pieces = {AsBytes(head), ByteView(), AsBytes(body)};
    ASSERT_EQ(Word((*writer)->Append(pieces)), "ok");
    head.assign(head.size(), '!');
    body.assign(body.size(), '!');
    EXPECT_EQ((*writer)->bytes_written(), expected.size());
  }
  EXPECT_EQ(Get("pack/1"), "<not_found>");
  EXPECT_EQ(List(""), "");
  EXPECT_EQ(Word((*writer)->Commit(context())), "created");
  EXPECT_EQ((*writer)->bytes_written(), expected.size());
  writer->reset();
  EXPECT_TRUE(Get("pack/1") == expected);
  EXPECT_EQ(Stream("pack/empty", {}), "created");
  EXPECT_EQ(Get("pack/empty"), "");
}

TEST_P(StoreContract, AbortedStreamLeavesNothing) {
  {
    auto writer = store().Create("pack/1", context());
    ASSERT_TRUE(writer.ok());
    ASSERT_EQ(Word((*writer)->Append(AsBytes("half"))), "ok");
  }
  {
    auto writer = store().Create("pack/2", context());
    ASSERT_TRUE(writer.ok());
  }
  EXPECT_EQ(List(""), "");
  EXPECT_EQ(Get("pack/1"), "<not_found>");
  EXPECT_EQ(Put("pack/1", "whole"), "created");
}

TEST_P(StoreContract, StreamsOfOneNameDoNotMix) {
  auto first = store().Create("x", context());
  auto second = store().Create("x", context());
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_EQ(Word((*first)->Append(AsBytes("first"))), "ok");
  ASSERT_EQ(Word((*second)->Append(AsBytes("other"))), "ok");
  EXPECT_EQ(Word((*second)->Commit(context())), "created");
  EXPECT_EQ(Word((*first)->Commit(context())), "exists_other");
  EXPECT_EQ(Get("x"), "other");
}

TEST_P(StoreContract, LargeObject) {
  constexpr size_t kChunk = 3 * kMiB + 17;
  constexpr size_t kChunks = 8;
  std::string whole;
  auto writer = store().Create("pack/large", context());
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  for (size_t i = 0; i < kChunks; ++i) {
    std::string chunk = PatternBytes(i, kChunk);
    ASSERT_EQ(Word((*writer)->Append(AsBytes(chunk))), "ok");
    whole += chunk;
  }
  ASSERT_EQ(Word((*writer)->Commit(context())), "created");
  EXPECT_EQ(store().Stat("pack/large", context())->size, whole.size());
  EXPECT_TRUE(Get("pack/large") == whole);
  std::mt19937_64 generator(7);
  for (int i = 0; i < 50; ++i) {
    size_t size = generator() % (2 * kMiB);
    size_t offset = generator() % (whole.size() - size);
    ASSERT_TRUE(GetRange("pack/large", offset, size) == whole.substr(offset, size));
  }
  EXPECT_EQ(Put("pack/large", whole), "exists_same");
  whole[whole.size() - 1] = static_cast<char>(whole.back() ^ 1);
  EXPECT_EQ(Put("pack/large", whole), "exists_other");
}

TEST_P(StoreContract, OneOfManyRacingWritersWins) {
  for (int round = 0; round < 8; ++round) {
    std::string name = fmt::format("log/{:05}", round);
    std::array<std::string, kRacers> outcomes;
    Race([&](int i) {
      std::string mine = fmt::format("writer {}", i);
      outcomes[static_cast<size_t>(i)] = i % 4 == 3 ? Stream(name, {mine}) : Put(name, mine);
    });
    EXPECT_EQ(std::ranges::count(outcomes, "created"), 1);
    EXPECT_EQ(std::ranges::count(outcomes, "exists_other"), kRacers - 1);
    auto winner = std::ranges::find(outcomes, "created") - outcomes.begin();
    EXPECT_EQ(Get(name), fmt::format("writer {}", winner));
  }
}

TEST_P(StoreContract, OneOfManyRacingTwinsWins) {
  for (int round = 0; round < 4; ++round) {
    std::string name = fmt::format("new{}/folder/x", round);
    std::array<std::string, kRacers> outcomes;
    Race([&](int i) { outcomes[static_cast<size_t>(i)] = Put(name, "the same"); });
    EXPECT_EQ(std::ranges::count(outcomes, "created"), 1);
    EXPECT_EQ(std::ranges::count(outcomes, "exists_same"), kRacers - 1);
  }
}

TEST_P(StoreContract, ReadersNeverSeeHalfAnObject) {
  constexpr int kObjects = 12;
  constexpr size_t kSize = 200'000;
  auto name_of = [](int i) { return fmt::format("pack/{:02}", i); };
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> whole = 0;
  {
    std::vector<std::jthread> readers;
    for (int r = 0; r < 3; ++r) {
      readers.emplace_back([&] {
        // One more round after the last write, so that each reader sees every object.
        for (bool last = false; !last;) {
          last = done;
          for (int i = 0; i < kObjects; ++i) {
            std::string seen = Get(name_of(i));
            if (seen == PatternBytes(static_cast<uint64_t>(i), kSize)) {
              ++whole;
            } else if (seen != "<not_found>") {
              ++wrong;
            }
          }
          std::string listed = List("");
          if (listed.starts_with("<")) ++wrong;
        }
      });
    }
    for (int i = 0; i < kObjects; ++i) {
      EXPECT_EQ(Put(name_of(i), PatternBytes(static_cast<uint64_t>(i), kSize)), "created");
    }
    done = true;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(whole, 3 * kObjects);
}

TEST_P(StoreContract, StopsWhenToldAndAtTheDeadline) {
  EXPECT_EQ(Put("there", "x"), "created");
  std::stop_source source;
  source.request_stop();
  const CallContext stopped{Deadline(), source.get_token()};
  const CallContext late{Deadline::After(Millis(-1)), std::stop_token()};
  for (const auto& [context, word] :
       {std::pair{stopped, "cancelled"}, std::pair{late, "timeout"}}) {
    context_ = context;
    EXPECT_EQ(Put("a", "x"), word);
    EXPECT_EQ(Stream("b", {"x"}), word);
    EXPECT_EQ(Get("there"), fmt::format("<{}>", word));
    EXPECT_EQ(GetRange("there", 0, 1), fmt::format("<{}>", word));
    EXPECT_EQ(Word(store().Stat("there", context).status()), word);
    EXPECT_EQ(List(""), fmt::format("<{}>", word));
    EXPECT_EQ(Word(store().Remove("there", context)), word);
    EXPECT_EQ(Word(store().NowMillis(context).status()), word);
  }
  context_ = CallContext();
  auto writer = store().Create("c", context());
  ASSERT_TRUE(writer.ok());
  ASSERT_EQ(Word((*writer)->Append(AsBytes("x"))), "ok");
  EXPECT_EQ(Word((*writer)->Commit(stopped)), "cancelled");
  writer->reset();
  EXPECT_EQ(List(""), "there");
}

}  // namespace maxbrod::store
