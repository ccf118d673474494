#include "store/s3_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>

#include "aws/credentials_env.h"
#include "aws/uri.h"
#include "base/limits.h"
#include "codec/crc32c.h"
#include "store/retry_store.h"
#include "store/s3_store_url.h"
#include "store/store_contract_testing.h"

namespace maxbrod::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As much of S3 as a store uses, in memory; `fault` may answer in its place, or spoil its answer.
class BucketInMemory : public aws::HttpClient {
 public:
  enum class Fault {
    kNone,
    kLostRequest,
    kLostAnswer,
    kError500,
    kSlowDown,
    kConflict,
    kFlippedBit
  };

  Result<aws::HttpResponse> Send(const aws::HttpRequest& request, const CallContext&) override {
    auto uri = aws::ParseUri(request.url);
    MB_CHECK(uri.ok());
    std::string body;
    for (ByteView piece : request.body) body += AsText(piece);
    const std::string key = uri->path.substr(std::string("/bucket/").size());
    const std::string what = WhatIs(request.method, uri->query);
    log.push_back(what);
    Fault fault = Fault::kNone;
    if (!faults.empty() && (faults.front().first.empty() || faults.front().first == what)) {
      fault = faults.front().second;
      faults.pop_front();
    }
    if (fault == Fault::kLostRequest) return Status(Code::kTimeout, "lost").Retryable();
    if (fault == Fault::kError500) return Answer(500, "<Error><Code>InternalError</Code></Error>");
    if (fault == Fault::kSlowDown) return Answer(503, "<Error><Code>SlowDown</Code></Error>");
    if (fault == Fault::kConflict) {
      return Answer(409, "<Error><Code>ConditionalRequestConflict</Code></Error>");
    }
    aws::HttpResponse response = Serve(what, key, uri->query, body, request);
    if (fault == Fault::kLostAnswer) return Status(Code::kProtocol, "torn").Retryable();
    if (fault == Fault::kFlippedBit && !response.body.empty()) response.body[0] ^= 1;
    if (response.ok() && !request.into.empty()) {
      response.into_bytes = std::min(response.body.size(), request.into.size());
      std::copy_n(response.body.begin(), response.into_bytes, request.into.begin());
      response.body.clear();
    }
    return response;
  }

  std::map<std::string, std::string> objects;
  std::map<std::string, std::map<int, std::string>> uploads;  // by id
  std::deque<std::pair<std::string, Fault>> faults;           // for the next request of that kind
  std::vector<std::string> log;                               // kinds of requests
  std::map<std::string, std::vector<aws::HttpHeader>> locks;  // of objects put in one piece
  bool has_locks = true;

 private:
  static aws::HttpResponse Answer(int status, const std::string& body = "") {
    aws::HttpResponse response;
    response.status = status;
    response.body.assign(body.begin(), body.end());
    response.headers = {{"date", "Wed, 18 Nov 2026 12:26:40 GMT"}};
    return response;
  }
  static std::string WhatIs(const std::string& method, const std::string& query) {
    if (query == "uploads=") return "create";
    if (query.starts_with("partNumber")) return "part";
    if (query.starts_with("uploadId")) return method == "DELETE" ? "abort" : "complete";
    if (query.starts_with("list-type")) return "list";
    return method;
  }
  aws::HttpResponse Serve(const std::string& what, const std::string& key, const std::string& query,
                          const std::string& body, const aws::HttpRequest& request) {
    const std::string id = query.substr(query.rfind('=') + 1);
    if (what == "PUT") {
      aws::HttpResponse response = Create(key, body);
      if (response.ok()) Lock(key, request);
      return response;
    }
    if (what == "create") {
      uploads["id" + std::to_string(++last_upload_)];
      return Answer(200, fmt::format("<R><UploadId>id{}</UploadId></R>", last_upload_));
    }
    if (what == "part") {
      uploads[id][std::atoi(query.c_str() + 11)] = body;
      aws::HttpResponse response = Answer(200);
      response.headers.push_back({"etag", "\"e\""});
      return response;
    }
    if (what == "complete") {
      if (!uploads.contains(id)) return Answer(404, "<Error><Code>NoSuchUpload</Code></Error>");
      std::string whole;
      for (const auto& [number, part] : uploads[id]) whole += part;
      aws::HttpResponse response = Create(key, whole);
      if (response.ok()) uploads.erase(id);
      return response;
    }
    if (what == "abort") {
      uploads.erase(id);
      return Answer(204);
    }
    if (what == "DELETE") {
      objects.erase(key);
      return Answer(204);
    }
    return Read(what, key, request);
  }
  // Keeps what a request says of locks, unless this server has none.
  void Lock(const std::string& key, const aws::HttpRequest& request) {
    for (const aws::HttpHeader& header : request.headers) {
      if (!has_locks || !header.name.starts_with("x-amz-object-lock-")) continue;
      locks[key].push_back({header.name, header.value});
    }
  }
  aws::HttpResponse Create(const std::string& key, const std::string& body) {
    if (objects.contains(key)) return Answer(412, "<Error><Code>PreconditionFailed</Code></Error>");
    objects[key] = body;
    return Answer(200);
  }
  aws::HttpResponse Read(const std::string& what, const std::string& key,
                         const aws::HttpRequest& request) {
    auto found = objects.find(key);
    if (found == objects.end()) {
      return Answer(404, what == "HEAD" ? "" : "<Error><Code>NoSuchKey</Code></Error>");
    }
    aws::HttpResponse response = Answer(200, what == "HEAD" ? "" : found->second);
    response.headers.insert(response.headers.end(), locks[key].begin(), locks[key].end());
    response.headers.push_back({"content-length", std::to_string(found->second.size())});
    response.headers.push_back(
        {"x-amz-checksum-crc32c", aws::Crc32cHeader(Crc32c(AsBytes(found->second)))});
    for (const aws::HttpHeader& header : request.headers) {
      if (header.name != "Range") continue;
      size_t first = std::stoull(header.value.substr(6));
      size_t last = std::stoull(header.value.substr(header.value.find('-') + 1));
      std::string part = found->second.substr(first, last - first + 1);
      response.status = 206;
      response.body.assign(part.begin(), part.end());
      response.headers.push_back(
          {"content-range", fmt::format("bytes {}-{}/{}", first, last, found->second.size())});
    }
    return response;
  }

  int last_upload_ = 0;
};

class S3StoreTest : public ::testing::Test {
 protected:
  using Fault = BucketInMemory::Fault;

  S3StoreTest() { Open(); }
  void Open(const std::string& parameters = "", std::shared_ptr<ByteBudget> buffers = nullptr) {
    auto location = ParseS3Url("s3://bucket/pre/fix?endpoint=http://127.0.0.1:1" + parameters);
    MB_CHECK(location.ok());
    location->store.part_bytes = S3Store::kPartBytesMin;
    location->store.buffers = std::move(buffers);
    S3World world;
    world.http = bucket_;
    world.credentials =
        std::make_shared<aws::StaticCredentials>(aws::Credentials{"key", "secret", ""});
    world.needs = &needs_;
    auto store = MakeS3Store(*location, world);
    MB_CHECK(store.ok());
    store_ = std::move(store).value();
  }
  static std::string Word(const Result<PutResult>& put) {
    if (!put.ok()) {
      return std::string(InfoOf(put.status().code()).name) + (put.status().retryable() ? "!" : "");
    }
    constexpr const char* kWords[] = {"created", "exists_same", "exists_other", "unknown"};
    return kWords[static_cast<size_t>(put->outcome)];
  }
  std::string Put(const std::string& name, const std::string& bytes) {
    return Word(store_->PutIfAbsent(name, AsBytes(bytes), context_));
  }
  std::unique_ptr<ObjectWriter> Writer(const std::string& name) {
    auto writer = store_->Create(name, context_);
    MB_CHECK(writer.ok());
    return std::move(writer).value();
  }

  std::shared_ptr<BucketInMemory> bucket_ = std::make_shared<BucketInMemory>();
  aws::FakeEnvironment environment_;
  FakeClock clock_;
  aws::SourceNeeds needs_{&environment_, nullptr, nullptr, &clock_};
  std::unique_ptr<S3Store> store_;
  CallContext context_;
};

TEST_F(S3StoreTest, ObjectsLieBelowThePrefix) {
  EXPECT_EQ(Put("a/b", "x"), "created");
  EXPECT_EQ(bucket_->objects.begin()->first, "pre/fix/a/b");
  EXPECT_EQ(store_->Url(), "s3://bucket/pre/fix");
  EXPECT_EQ(store_->Stat("a/b", context_)->name, "a/b");
}

TEST_F(S3StoreTest, SmallObjectsCostOneRequest) {
  auto writer = Writer("pack/x");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(1, kMiB))).ok());
  }
  EXPECT_EQ(Word(writer->Commit(context_)), "created");
  EXPECT_EQ(writer->bytes_written(), 5 * kMiB);
  EXPECT_THAT(bucket_->log, ElementsAre("PUT"));
  EXPECT_EQ(store_->counters().Of(aws::S3Request::kPut), 1u);
  EXPECT_EQ(Word(writer->Commit(context_)), "internal");
}

TEST_F(S3StoreTest, ObjectsAreLockedAsTheUrlSays) {
  Open("&lock=compliance&lock_days=30");
  EXPECT_EQ(store_->control()->lock_policy().days, 30);
  EXPECT_EQ(Put("log/1", "x"), "created");
  EXPECT_EQ(Put("log/2", "x"), "created");
  EXPECT_THAT(bucket_->log, ElementsAre("PUT", "HEAD", "PUT")) << "the first one is looked at";
  auto standing = store_->control()->Standing("log/1", context_);
  EXPECT_EQ(standing->lock, LockMode::kCompliance);
  constexpr int64_t kDayMs = 86'400'000;
  EXPECT_EQ(standing->retain_until_ms, (clock_.WallMillis() + 30 * kDayMs) / 1000 * 1000);
  EXPECT_EQ(Put("l0/1", "x"), "created");
  EXPECT_EQ(store_->control()->Standing("l0/1", context_)->retain_until_ms,
            (clock_.WallMillis() + 2 * kDayMs) / 1000 * 1000)
      << "only until it is merged";
  EXPECT_EQ(Put("probe/1", "x"), "created");
  EXPECT_EQ(store_->control()->Standing("probe/1", context_)->lock, LockMode::kNone);
}

TEST_F(S3StoreTest, AServerThatDropsLocksIsNoticed) {
  Open("&lock=governance&lock_days=30");
  bucket_->has_locks = false;
  EXPECT_EQ(Put("probe/1", "x"), "created");
  EXPECT_EQ(Put("config", "x"), "created") << "it is there, whatever it lacks";
  EXPECT_EQ(Put("config.copy", "x"), "unsupported");
  Status status = store_->PutIfAbsent("log/1", AsBytes("x"), context_).status();
  EXPECT_THAT(status.message(), HasSubstr("'config' was to be kept under lock for 30 days"));
  auto writer = Writer("pack/x");
  ASSERT_TRUE(writer->Append(AsBytes("x")).ok());
  EXPECT_EQ(Word(writer->Commit(context_)), "unsupported");
}

TEST_F(S3StoreTest, AServerThatDropsLocksOfPartsOnlyIsNoticed) {
  Open("&lock=governance&lock_days=30");
  EXPECT_EQ(Put("config", "x"), "created");
  auto writer = Writer("pack/x");
  ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(1, 6 * kMiB))).ok());
  EXPECT_EQ(Word(writer->Commit(context_)), "created");
  EXPECT_EQ(Put("log/1", "x"), "unsupported");
}

TEST_F(S3StoreTest, LargeOnesGoUpInParts) {
  std::string expected;
  auto writer = Writer("pack/x");
  const std::vector<size_t> sizes = {3 * kMiB, 3 * kMiB, 100, 7 * kMiB, 12 * kMiB, 1};
  for (size_t size : sizes) {
    std::string piece = PatternBytes(size, size);
    ASSERT_TRUE(writer->Append(AsBytes(piece)).ok());
    expected += piece;
    EXPECT_EQ(writer->bytes_written(), expected.size());
  }
  EXPECT_TRUE(bucket_->objects.empty());
  EXPECT_EQ(Word(writer->Commit(context_)), "created");
  EXPECT_TRUE(bucket_->objects["pre/fix/pack/x"] == expected);
  EXPECT_EQ(std::ranges::count(bucket_->log, "create"), 1);
  EXPECT_EQ(std::ranges::count(bucket_->log, "complete"), 1);
  EXPECT_TRUE(bucket_->uploads.empty());
}

TEST_F(S3StoreTest, PartsBelowTheSmallestAreJoinedWithWhatFollows) {
  auto writer = Writer("pack/x");
  ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(1, kMiB))).ok());
  ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(2, 6 * kMiB))).ok());
  ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(3, 10))).ok());
  ASSERT_EQ(bucket_->uploads["id1"].size(), 1u);
  EXPECT_EQ(bucket_->uploads["id1"][1].size(), 7 * kMiB);
  EXPECT_EQ(Word(writer->Commit(context_)), "created");
}

TEST_F(S3StoreTest, AFailedPartTakesNothing) {
  auto writer = Writer("pack/x");
  std::string first = PatternBytes(1, 5 * kMiB);
  std::string second = PatternBytes(2, 4 * kMiB);
  ASSERT_TRUE(writer->Append(AsBytes(first)).ok());
  for (Fault fault :
       {Fault::kLostRequest, Fault::kError500, Fault::kSlowDown, Fault::kLostAnswer}) {
    bucket_->faults = {{"part", fault}};
    Status status = writer->Append(AsBytes(second));
    EXPECT_TRUE(status.retryable()) << status.message();
    EXPECT_EQ(writer->bytes_written(), first.size());
  }
  ASSERT_TRUE(writer->Append(AsBytes(second)).ok());
  EXPECT_EQ(Word(writer->Commit(context_)), "created");
  EXPECT_TRUE(bucket_->objects["pre/fix/pack/x"] == first + second);
}

TEST_F(S3StoreTest, AnAbandonedUploadIsAborted) {
  {
    auto writer = Writer("pack/x");
    ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(1, 11 * kMiB))).ok());
    EXPECT_EQ(bucket_->uploads.size(), 1u);
  }
  EXPECT_TRUE(bucket_->uploads.empty());
  EXPECT_TRUE(bucket_->objects.empty());
}

TEST_F(S3StoreTest, ALostAnswerIsDoubt) {
  bucket_->faults = {{"PUT", Fault::kLostAnswer}, {"HEAD", Fault::kLostAnswer}};
  EXPECT_EQ(Put("a", "mine"), "unknown");
  EXPECT_EQ(Put("a", "mine"), "exists_same");
  bucket_->faults = {{"PUT", Fault::kLostAnswer}};
  EXPECT_EQ(Put("seen", "mine"), "exists_same");
  EXPECT_EQ(Put("a", "other"), "exists_other");
  bucket_->faults = {{"PUT", Fault::kLostRequest}};
  EXPECT_EQ(Put("b", "mine"), "unknown");
  bucket_->faults = {{"PUT", Fault::kError500}};
  EXPECT_EQ(Put("b", "mine"), "unknown");
  bucket_->faults = {{"PUT", Fault::kSlowDown}};
  EXPECT_EQ(Put("b", "mine"), "unavailable!");
  EXPECT_FALSE(bucket_->objects.contains("pre/fix/b"));
  // Taken, but it cannot be seen by whom.
  bucket_->faults = {{"HEAD", Fault::kError500}};
  EXPECT_EQ(Put("a", "mine"), "unknown");
  // Seen, and gone before it could be read.
  bucket_->faults = {{"GET", Fault::kError500}};
  EXPECT_EQ(Put("a", "mine"), "unknown");
}

TEST_F(S3StoreTest, AWriterInDoubtSendsItsBytesAgain) {
  for (size_t size : {size_t{10}, size_t{11 * kMiB}}) {
    const std::string what = size == 10 ? "PUT" : "complete";
    const std::vector<std::pair<Fault, std::string>> cases = {{Fault::kLostRequest, "created"},
                                                              {Fault::kError500, "created"},
                                                              {Fault::kLostAnswer, "exists_same"}};
    for (const auto& [fault, word] : cases) {
      bucket_->objects.clear();
      auto writer = Writer("pack/x");
      const std::string bytes = PatternBytes(size, size);
      ASSERT_TRUE(writer->Append(AsBytes(bytes)).ok());
      bucket_->faults = {{what, fault}};
      EXPECT_EQ(Word(writer->Commit(context_)), word) << size;
      EXPECT_TRUE(bucket_->objects["pre/fix/pack/x"] == bytes);
      EXPECT_TRUE(bucket_->faults.empty());
    }
  }
}

TEST_F(S3StoreTest, AWriterThatNeverLearnsSaysSo) {
  auto writer = Writer("pack/x");
  ASSERT_TRUE(writer->Append(AsBytes("x")).ok());
  bucket_->faults.assign(1000, {"", Fault::kLostRequest});
  auto put = writer->Commit(context_);
  EXPECT_EQ(Word(put), "unknown");
  EXPECT_EQ(put->reason, "lost");
  EXPECT_LT(bucket_->log.size(), 200u);  // within the budget of doubt, by a clock that sleeps moved
}

TEST_F(S3StoreTest, AThrottledCommitMayBeMadeAgain) {
  auto writer = Writer("pack/x");
  ASSERT_TRUE(writer->Append(AsBytes("bytes")).ok());
  bucket_->faults = {{"PUT", Fault::kSlowDown}};
  EXPECT_EQ(Word(writer->Commit(context_)), "unavailable!");
  EXPECT_EQ(Word(writer->Commit(context_)), "created");
  EXPECT_EQ(bucket_->objects["pre/fix/pack/x"], "bytes");
}

// AWS: "re-initiate the multipart upload and re-upload each part".
TEST_F(S3StoreTest, AnUploadThatIsGoneAfterAConflictIsNotWaitedFor) {
  for (bool gone : {false, true}) {
    auto writer = Writer("pack/x");
    ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(1, 11 * kMiB))).ok());
    bucket_->faults = {{"complete", Fault::kConflict}};
    EXPECT_EQ(Word(writer->Commit(context_)), "conflict!");
    if (gone) bucket_->uploads.clear();
    const int64_t before = clock_.MonotonicNanos();
    Result<PutResult> again = writer->Commit(context_);
    EXPECT_EQ(Word(again), gone ? "conflict" : "created");
    EXPECT_THAT(again.status().hint(), HasSubstr(gone ? "uploads the data anew" : ""));
    EXPECT_EQ(clock_.MonotonicNanos(), before);
    bucket_->objects.clear();
  }
}

TEST_F(S3StoreTest, ALargeObjectThatMeetsAnotherIsAborted) {
  bucket_->objects["pre/fix/pack/x"] = "somebody else's";
  auto writer = Writer("pack/x");
  ASSERT_TRUE(writer->Append(AsBytes(PatternBytes(1, 11 * kMiB))).ok());
  EXPECT_EQ(Word(writer->Commit(context_)), "exists_other");
  EXPECT_TRUE(bucket_->uploads.empty());
}

TEST_F(S3StoreTest, ABitFlippedOnTheWayIsNoticed) {
  ASSERT_EQ(Put("a", "some bytes"), "created");
  bucket_->faults = {{"GET", Fault::kFlippedBit}, {"GET", Fault::kFlippedBit}};
  auto bytes = store_->Get("a", 100, context_);
  EXPECT_EQ(bytes.status().code(), Code::kCorrupt);
  EXPECT_FALSE(bytes.status().retryable());
  bucket_->faults = {{"GET", Fault::kFlippedBit}};
  EXPECT_EQ(ToString(*store_->Get("a", 100, context_)), "some bytes");
}

TEST_F(S3StoreTest, BuffersAreLeasedForAWritersLife) {
  auto budget = std::make_shared<ByteBudget>(2 * S3Store::kPartBytesMin);
  Open("", budget);
  {
    auto one = Writer("pack/1");
    EXPECT_EQ(budget->used(), 0u);
    ASSERT_TRUE(one->Append(AsBytes("x")).ok());
    auto two = Writer("pack/2");
    ASSERT_TRUE(two->Append(AsBytes("x")).ok());
    EXPECT_EQ(budget->used(), budget->total());
    auto third = store_->Create("pack/3", context_.Within(Millis(10)));
    ASSERT_TRUE(third.ok());
    EXPECT_EQ((*third)->Append(AsBytes("x")).code(), Code::kTimeout);
    EXPECT_EQ(Word(one->Commit(context_)), "created");
    EXPECT_EQ(budget->used(), S3Store::kPartBytesMin);
  }
  EXPECT_EQ(budget->used(), 0u);
}

TEST_F(S3StoreTest, OnlyPacksGoToAColderClass) {
  class ClassKeeper : public aws::HttpClient {
   public:
    Result<aws::HttpResponse> Send(const aws::HttpRequest& request, const CallContext&) override {
      std::string seen = "STANDARD";
      for (const auto& header : request.headers) {
        if (header.name == "x-amz-storage-class") seen = header.value;
      }
      classes.push_back(seen);
      return aws::HttpResponse{200, {}, {}, 0};
    }
    std::vector<std::string> classes;
  };
  auto http = std::make_shared<ClassKeeper>();
  S3World world;
  world.http = http;
  world.credentials = std::make_shared<aws::StaticCredentials>(aws::Credentials{"k", "s", ""});
  world.needs = &needs_;
  auto classes_with = [&](const std::string& parameters) {
    http->classes.clear();
    auto location = ParseS3Url("s3://bucket?endpoint=http://h" + parameters);
    EXPECT_TRUE(location.ok());
    store_ = *MakeS3Store(*location, world);
    for (const char* name : {"pack/3f/x", "l0/3f/x", "log/0", "config"}) Put(name, "x");
    return http->classes;
  };
  EXPECT_THAT(classes_with("&storage_class=GLACIER_IR"),
              ElementsAre("GLACIER_IR", "STANDARD", "STANDARD", "STANDARD"));
  EXPECT_THAT(classes_with("&storage_class=STANDARD_IA&meta_storage_class=INTELLIGENT_TIERING"),
              ElementsAre("STANDARD_IA", "INTELLIGENT_TIERING", "INTELLIGENT_TIERING",
                          "INTELLIGENT_TIERING"));
}

TEST_F(S3StoreTest, UnderRetriesNothingIsLostOrDoubled) {
  RetryPolicy policy;
  policy.clock = &clock_;
  policy.seed = 5;
  auto bucket = bucket_;
  RetryStore retried(std::move(store_), policy);
  for (Fault fault :
       {Fault::kLostRequest, Fault::kLostAnswer, Fault::kError500, Fault::kSlowDown}) {
    const std::string name = fmt::format("log/{}", static_cast<int>(fault));
    bucket->faults = {{"PUT", fault}, {"", fault}};
    auto put = retried.PutIfAbsent(name, AsBytes("mine"), context_);
    ASSERT_TRUE(put.ok()) << put.status().message();
    EXPECT_TRUE(put->outcome == PutOutcome::kCreated || put->outcome == PutOutcome::kExistsSame);
    EXPECT_EQ(bucket->objects["pre/fix/" + name], "mine");
  }
}

TEST(S3UrlTest, Parses) {
  auto location = ParseS3Url(
      "s3://my.bucket/a/b%20c/?region=eu-west-1&endpoint=https%3A%2F%2Fs3.example.org&path_style="
      "true&ca_file=/etc/ca.pem&storage_class=STANDARD_IA&sse=aws:kms&kms_key_id=alias/x&profile=p"
      "&role_arn=arn:aws:iam::1:role/r&external_id=e&retry_seconds=7&stall_seconds=9");
  ASSERT_TRUE(location.ok()) << location.status().message();
  EXPECT_EQ(location->s3.bucket, "my.bucket");
  EXPECT_EQ(location->store.prefix, "a/b c");
  EXPECT_EQ(location->s3.region, "eu-west-1");
  EXPECT_EQ(location->s3.endpoint, "https://s3.example.org");
  EXPECT_EQ(location->s3.path_style, true);
  EXPECT_EQ(location->ca_file, "/etc/ca.pem");
  EXPECT_EQ(location->store.pack_storage_class, "STANDARD_IA");
  EXPECT_EQ(location->s3.sse, "aws:kms");
  EXPECT_EQ(location->s3.kms_key_id, "alias/x");
  EXPECT_EQ(location->credentials.profile, "p");
  EXPECT_EQ(location->credentials.role_arn, "arn:aws:iam::1:role/r");
  EXPECT_EQ(location->credentials.role_external_id, "e");
  EXPECT_EQ(location->retry_budget, Millis(7'000));
  EXPECT_EQ(location->stall_timeout, Millis(9'000));
  EXPECT_EQ(ParseS3Url("s3://abc")->store.prefix, "");
  EXPECT_EQ(ParseS3Url("s3://abc/")->store.prefix, "");
}

TEST(S3UrlTest, ArchivesAreNothingToWriteTo) {
  for (const char* archive : {"GLACIER", "DEEP_ARCHIVE"}) {
    for (const char* parameter : {"storage_class", "meta_storage_class"}) {
      Status status = ParseS3Url(fmt::format("s3://abc/x?{}={}", parameter, archive)).status();
      EXPECT_EQ(status.code(), Code::kInvalidArgument);
      EXPECT_THAT(status.hint(), HasSubstr(fmt::format("--cold-class {}", archive)));
    }
  }
  EXPECT_THAT(ParseS3Url("s3://abc/x?storage_class=COLD").status().hint(), HasSubstr("GLACIER_IR"));
}

TEST(S3UrlTest, Refuses) {
  for (const char* bad : {"s3:abc",
                          "s3://",
                          "s3://a",
                          "s3://Abc",
                          "s3://abc:99/x",
                          "s3://key:pw@abc/x",
                          "s3://abc//x",
                          "s3://abc/x//y",
                          "s3://abc/x/../y",
                          "s3://abc/%",
                          "s3://abc/%0a",
                          "s3://abc#f",
                          "s3://abc?region",
                          "s3://abc?colour=red",
                          "s3://abc?path_style=maybe",
                          "s3://abc?retry_seconds=",
                          "s3://abc?retry_seconds=-1",
                          "s3://abc?retry_seconds=5s",
                          "s3://abc?retry_seconds=86401",
                          "s3://abc?stall_seconds=0",
                          "s3://abc?endpoint=h:1",
                          "s3://abc?sse=none",
                          "s3://abc?kms_key_id=x",
                          "s3://abc?region=%2",
                          "s3://abc?storage_class=GLACIER",
                          "s3://abc?storage_class=DEEP_ARCHIVE",
                          "s3://abc?lock=compliance",
                          "s3://abc?lock_days=3",
                          "s3://abc?lock=compliance&lock_days=0",
                          "s3://abc?lock=compliance&lock_days=3x",
                          "s3://abc?lock=none&lock_days=3"}) {
    Status status = ParseS3Url(bad).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << bad;
    EXPECT_FALSE(status.hint().empty()) << bad;
    EXPECT_THAT(status.message(), ::testing::Not(HasSubstr("pw"))) << bad;
  }
  EXPECT_EQ(ParseS3Url("s3://abc/" + std::string(401, 'x')).status().code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace maxbrod::store
