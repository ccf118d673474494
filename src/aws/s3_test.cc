#include "aws/s3.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "base/user_time.h"
#include "codec/crc32c.h"

namespace maxbrod::aws {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kServerTime = 1'795'004'800'000;
constexpr std::string_view kServerDate = "Wed, 18 Nov 2026 12:26:40 GMT";

HttpResponse Answer(int status, const std::string& body = "",
                    std::vector<HttpHeader> headers = {}) {
  HttpResponse response;
  response.status = status;
  response.body.assign(body.begin(), body.end());
  response.headers = std::move(headers);
  response.headers.push_back({"date", std::string(kServerDate)});
  return response;
}

HttpResponse Error(int status, const std::string& code, const std::string& more = "") {
  return Answer(
      status, "<Error><Code>" + code + "</Code><Message>words of S3</Message>" + more + "</Error>");
}

// Answers what it was told to, in order, and keeps what it was sent.
class ScriptedHttp : public HttpClient {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, const CallContext&) override {
    sent.push_back(request);
    body.clear();
    for (ByteView piece : request.body) body += AsText(piece);
    MB_CHECK(!answers.empty());
    Result<HttpResponse> answer = std::move(answers.front());
    answers.pop_front();
    if (answer.ok() && answer->ok() && !request.into.empty()) {
      answer->into_bytes = std::min(answer->body.size(), request.into.size());
      std::copy_n(answer->body.begin(), answer->into_bytes, request.into.begin());
      answer->body.clear();
    }
    return answer;
  }
  // Of the last request.
  std::string Header(std::string_view name) const {
    for (const HttpHeader& header : sent.back().headers) {
      if (header.name == name) return header.value;
    }
    return "<none>";
  }

  std::deque<Result<HttpResponse>> answers;
  std::vector<HttpRequest> sent;
  std::string body;
};

// Gives other ones once the first have been refused.
class ChangingCredentials : public CredentialsProvider {
 public:
  Result<Credentials> Get(const CallContext&) override {
    return Credentials{refused > 0 && changes ? "SECOND" : "FIRST", "secret", ""};
  }
  void Refused(const Credentials& credentials) override {
    EXPECT_EQ(credentials.access_key_id, "FIRST");
    ++refused;
  }
  bool changes = true;
  int refused = 0;
};

class S3Test : public ::testing::Test {
 protected:
  S3Client& client() {
    if (!client_) {
      client_ = std::make_unique<S3Client>(options_, http_, credentials_, counters_, clock_);
    }
    return *client_;
  }
  void Answers(std::vector<Result<HttpResponse>> answers) {
    http_->answers.assign(answers.begin(), answers.end());
  }
  Result<S3Write> Put() {
    const ByteView body = AsBytes("body");
    return client().Put("a/key", {&body, 1}, Crc32c(body), {}, context_);
  }
  // "done", "exists", "unknown", or an error's name with "!" if it is retryable.
  std::string PutWord() { return Word(Put()); }
  static std::string Word(const Result<S3Write>& write) {
    if (!write.ok()) return Word(write.status());
    constexpr const char* kWords[] = {"done", "exists", "unknown"};
    return kWords[static_cast<size_t>(write->outcome)];
  }
  static std::string Word(const Status& status) {
    return std::string(InfoOf(status.code()).name) + (status.retryable() ? "!" : "");
  }

  S3Options options_{"the-bucket", "eu-west-1", "", {}, "", ""};
  std::shared_ptr<ScriptedHttp> http_ = std::make_shared<ScriptedHttp>();
  std::shared_ptr<ChangingCredentials> credentials_ = std::make_shared<ChangingCredentials>();
  std::shared_ptr<S3Counters> counters_ = std::make_shared<S3Counters>();
  FakeClock clock_{kServerTime};
  CallContext context_;
  std::unique_ptr<S3Client> client_;
};

TEST_F(S3Test, PutsUnderACondition) {
  options_.sse = "aws:kms";
  options_.kms_key_id = "key-1";
  Answers({Answer(200)});
  const std::vector<ByteView> pieces = {AsBytes("12345"), AsBytes("6789")};
  auto write = client().Put("a key/+", pieces, 0xe3069283, {"STANDARD_IA"}, context_);
  ASSERT_EQ(Word(write), "done");
  EXPECT_EQ(write->server_ms, kServerTime);
  EXPECT_EQ(http_->sent[0].method, "PUT");
  EXPECT_EQ(http_->sent[0].url, "https://the-bucket.s3.eu-west-1.amazonaws.com/a%20key/%2B");
  EXPECT_EQ(http_->body, "123456789");
  EXPECT_EQ(http_->Header("If-None-Match"), "*");
  EXPECT_EQ(http_->Header("x-amz-checksum-crc32c"), "4waSgw==");
  EXPECT_EQ(http_->Header("x-amz-storage-class"), "STANDARD_IA");
  EXPECT_EQ(http_->Header("x-amz-server-side-encryption"), "aws:kms");
  EXPECT_EQ(http_->Header("x-amz-server-side-encryption-aws-kms-key-id"), "key-1");
  EXPECT_EQ(http_->Header("Content-Type"), "application/octet-stream");
  EXPECT_THAT(http_->Header("Authorization"), HasSubstr("/eu-west-1/s3/aws4_request"));
  EXPECT_EQ(counters_->Of(S3Request::kPut), 1u);
  EXPECT_EQ(counters_->bytes_up, 9u);
}

TEST_F(S3Test, Urls) {
  auto url = [&] {
    client_.reset();
    Answers({Answer(204)});
    EXPECT_TRUE(client().Delete("k", context_).ok());
    return http_->sent.back().url;
  };
  EXPECT_EQ(url(), "https://the-bucket.s3.eu-west-1.amazonaws.com/k");
  options_.region = "cn-north-1";
  EXPECT_EQ(url(), "https://the-bucket.s3.cn-north-1.amazonaws.com.cn/k");
  options_.region = "";
  EXPECT_EQ(url(), "https://the-bucket.s3.us-east-1.amazonaws.com/k");
  options_.bucket = "with.dots";
  EXPECT_EQ(url(), "https://s3.us-east-1.amazonaws.com/with.dots/k");
  options_.endpoint = "http://127.0.0.1:9000";
  EXPECT_EQ(url(), "http://127.0.0.1:9000/with.dots/k");
  options_.path_style = false;
  EXPECT_EQ(url(), "http://with.dots.127.0.0.1:9000/k");
}

TEST_F(S3Test, LargeBodiesAreHashedOnlyWhereTheWayIsNotSafe) {
  const std::string large(100'000, 'x');
  const ByteView body = AsBytes(large);
  auto hash = [&](const std::string& endpoint, ByteView bytes) {
    options_.endpoint = endpoint;
    client_.reset();
    Answers({Answer(200)});
    EXPECT_TRUE(client().Put("k", {&bytes, 1}, 0, {}, context_).ok());
    return http_->Header("X-Amz-Content-Sha256");
  };
  EXPECT_EQ(hash("", body), "UNSIGNED-PAYLOAD");
  EXPECT_EQ(hash("http://127.0.0.1:1", body), "UNSIGNED-PAYLOAD");
  EXPECT_EQ(hash("http://10.0.0.1:1", body).size(), 64u);
  EXPECT_EQ(hash("", body.first(1000)).size(), 64u);
}

TEST_F(S3Test, OutcomesOfAPut) {
  const Status lost = Status(Code::kProtocol, "torn").Retryable();
  const Status nobody = Status(Code::kUnavailable, "refused").Retryable();
  const std::vector<std::pair<Result<HttpResponse>, std::string>> cases = {
      {Error(412, "PreconditionFailed"), "exists"},
      {Error(409, "ConditionalRequestConflict"), "conflict!"},
      {Error(404, "NoSuchKey"), "conflict!"},
      {Error(503, "SlowDown"), "unavailable!"},
      {Answer(503), "unavailable!"},
      {Error(400, "RequestTimeout"), "unavailable!"},
      {Error(400, "BadDigest"), "protocol!"},
      {Error(500, "InternalError"), "unknown"},
      {Answer(502, "<html>"), "unknown"},
      {Error(403, "AccessDenied"), "permission"},
      {Error(404, "NoSuchBucket"), "invalid_argument"},
      {Error(507, "InsufficientStorage"), "out_of_space"},
      {Error(400, "EntityTooLarge"), "invalid_argument"},
      {Answer(200, "<html>login</html>"), "unknown"},
      {lost, "unknown"},
      {Status(Code::kTimeout, "silence").Retryable(), "unknown"},
      {Status(Code::kCancelled, "stopped"), "unknown"},
      {nobody, "unavailable!"},
      {Status(Code::kTls, "no trust"), "tls"},
  };
  int number = 0;
  for (const auto& [answer, word] : cases) {
    Answers({answer});
    EXPECT_EQ(PutWord(), word) << "case " << number;
    ++number;
  }
}

TEST_F(S3Test, CompletionMayFailAfterItSaid200) {
  const std::vector<S3Part> parts = {{"\"e1\"", 0xe3069283, 9}, {"\"e2\"", 0xe3069283, 9}};
  auto complete = [&](Result<HttpResponse> answer) {
    Answers({std::move(answer)});
    return Word(client().CompleteUpload("k", "id/1", parts, context_));
  };
  EXPECT_EQ(complete(Answer(200, "<CompleteMultipartUploadResult/>")), "done");
  EXPECT_EQ(http_->sent.back().url,
            "https://the-bucket.s3.eu-west-1.amazonaws.com/k?uploadId=id%2F1");
  EXPECT_EQ(http_->Header("If-None-Match"), "*");
  EXPECT_EQ(http_->Header("x-amz-checksum-crc32c"),
            Crc32cHeader(Crc32c(AsBytes("123456789123456789"))));
  EXPECT_EQ(http_->Header("x-amz-mp-object-size"), "18");
  EXPECT_THAT(http_->body, HasSubstr("<PartNumber>2</PartNumber><ETag>&quot;e2&quot;</ETag>"));
  EXPECT_EQ(complete(Error(200, "InternalError")), "unknown");
  EXPECT_EQ(complete(Error(200, "PreconditionFailed")), "exists");
  EXPECT_EQ(complete(Error(200, "SlowDown")), "unknown");
  EXPECT_EQ(complete(Answer(200, "<CompleteMultipart")), "unknown");
  EXPECT_EQ(complete(Error(404, "NoSuchUpload")), "unknown");
  EXPECT_EQ(complete(Error(412, "PreconditionFailed")), "exists");
  EXPECT_EQ(complete(Error(409, "ConditionalRequestConflict")), "conflict!");
}

TEST_F(S3Test, Thaws) {
  auto word = [&](HttpResponse answer, int days = 3) {
    Answers({std::move(answer)});
    Status status = client().RestoreObject("a/key", days, "Bulk", context_);
    return status.ok() ? std::string("done") : Word(status);
  };
  EXPECT_EQ(word(Answer(202)), "done");
  EXPECT_EQ(http_->sent.back().url, "https://the-bucket.s3.eu-west-1.amazonaws.com/a/key?restore=");
  EXPECT_THAT(http_->body, HasSubstr("<Days>3</Days>"));
  EXPECT_THAT(http_->body, HasSubstr("<Tier>Bulk</Tier>"));
  EXPECT_EQ(word(Answer(200), 0), "done");
  EXPECT_THAT(http_->body, Not(HasSubstr("Days")));
  EXPECT_EQ(word(Error(409, "RestoreAlreadyInProgress")), "done");
  EXPECT_EQ(word(Error(403, "AccessDenied")), "permission");
  EXPECT_EQ(word(Error(503, "GlacierExpeditedRetrievalNotAvailable")), "unavailable!");
}

TEST_F(S3Test, ErrorsNameWhatIsToBeDone) {
  Answers({Error(403, "AccessDenied")});
  Status denied = Put().status();
  EXPECT_THAT(denied.message(), HasSubstr("object 'a/key'"));
  EXPECT_THAT(denied.message(), HasSubstr("s3:PutObject"));
  EXPECT_THAT(denied.hint(), HasSubstr("the-bucket"));
  Answers({Error(403, "AccessDenied")});
  denied = client().List("", "", 1, "", context_).status();
  EXPECT_THAT(denied.message(), HasSubstr("s3:ListBucket"));
  EXPECT_THAT(denied.message(), HasSubstr("bucket 'the-bucket'"));
  Answers({Error(403, "InvalidObjectState")});
  Bytes out(1);
  Status cold = client().GetRange("k", 0, out, context_);
  EXPECT_EQ(Word(cold), "unavailable");
  EXPECT_THAT(cold.hint(), HasSubstr("thawed"));
  Answers({Error(301, "PermanentRedirect", "<Region>ap-south-1</Region>")});
  Status region = Put().status();
  EXPECT_EQ(Word(region), "invalid_argument");
  EXPECT_THAT(region.message(), HasSubstr("'ap-south-1', not in 'eu-west-1'"));
  EXPECT_THAT(region.hint(), HasSubstr("region=ap-south-1"));
  Answers({Error(400, "AuthorizationHeaderMalformed", "<Region>ap-south-1</Region>")});
  EXPECT_THAT(Put().status().hint(), HasSubstr("region=ap-south-1"));
  Answers({Error(418, "SomethingNew")});
  EXPECT_THAT(Put().status().message(), HasSubstr("SomethingNew (words of S3)"));
}

TEST_F(S3Test, OnlyS3SaysThatAnObjectIsNotThere) {
  // Each is looked at twice.
  for (const char* page : {"<html>no such page</html>", "not found"}) {
    Answers({Answer(404, page), Answer(404, page)});
    Status status = client().Get("k", 10, context_).status();
    EXPECT_EQ(Word(status), "protocol") << page;
    EXPECT_THAT(status.hint(), HasSubstr("speak S3"));
    Answers({Answer(404, page), Error(404, "NoSuchKey")});
    EXPECT_EQ(Word(client().Get("k", 10, context_).status()), "not_found") << page;
  }
  class NoCredentials : public CredentialsProvider {
    Result<Credentials> Get(const CallContext&) override {
      return Status(Code::kNotFound, "none anywhere").WithHint("set some");
    }
  };
  S3Client without(options_, http_, std::make_shared<NoCredentials>(), counters_, clock_);
  Status status = without.Head("k", context_).status();
  EXPECT_EQ(Word(status), "authentication");
  EXPECT_THAT(status.message(), HasSubstr("none anywhere"));
  EXPECT_EQ(status.hint(), "set some");
}

TEST_F(S3Test, AnUnnamedRegionIsLearned) {
  options_.region = "";
  Answers({Answer(301, "", {{"x-amz-bucket-region", "ap-south-1"}}), Answer(200), Answer(200)});
  EXPECT_EQ(PutWord(), "done");
  EXPECT_EQ(PutWord(), "done");
  ASSERT_EQ(http_->sent.size(), 3u);
  EXPECT_THAT(http_->sent[1].url, HasSubstr("s3.ap-south-1.amazonaws.com"));
  EXPECT_THAT(http_->Header("Authorization"), HasSubstr("/ap-south-1/"));
}

TEST_F(S3Test, AWrongClockIsPutRightOnce) {
  clock_.Advance(Millis(3'600'000));
  Answers({Error(403, "RequestTimeTooSkewed"), Answer(200), Answer(200)});
  EXPECT_EQ(PutWord(), "done");
  EXPECT_EQ(http_->Header("X-Amz-Date"), "20261118T122640Z");
  EXPECT_EQ(PutWord(), "done");
  EXPECT_EQ(http_->sent.size(), 3u);
  // A HEAD does not say why.
  clock_.Advance(Millis(3'600'000));
  Answers({Answer(403), Answer(404)});
  EXPECT_EQ(Word(client().Head("k", context_).status()), "not_found");
  credentials_->changes = false;
  Answers({Answer(403), Error(403, "AccountProblem")});
  EXPECT_THAT(client().Head("k", context_).status().message(), HasSubstr("AccountProblem"));
  // When the server's own time does not help either, that is the error.
  Answers({Error(403, "RequestTimeTooSkewed"), Error(403, "RequestTimeTooSkewed")});
  Status skewed = Put().status();
  EXPECT_EQ(Word(skewed), "authentication");
  EXPECT_THAT(skewed.message(), HasSubstr("7200 s ahead of"));
  EXPECT_THAT(skewed.hint(), HasSubstr("NTP"));
}

TEST_F(S3Test, RefusedCredentialsAreAskedForAnewOnce) {
  for (const char* code : {"ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"}) {
    credentials_->refused = 0;
    Answers({Error(403, code), Answer(200)});
    EXPECT_EQ(PutWord(), "done") << code;
    EXPECT_THAT(http_->Header("Authorization"), HasSubstr("SECOND")) << code;
    EXPECT_EQ(credentials_->refused, 1);
  }
  credentials_->changes = false;
  Answers({Error(403, "SignatureDoesNotMatch")});
  Status refused = Put().status();
  EXPECT_EQ(Word(refused), "authentication");
  EXPECT_THAT(refused.hint(), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  EXPECT_THAT(refused.message(), Not(HasSubstr("secret")));
}

TEST_F(S3Test, GetChecksTheChecksum) {
  const HttpHeader right{"x-amz-checksum-crc32c", "4waSgw=="};
  Answers({Answer(200, "123456789", {right}), Answer(200, "123456780", {right}),
           Answer(200, "123456789", {right}), Answer(200, "123456780", {right}),
           Answer(200, "123456780", {right}),
           Answer(200, "123456780", {{"x-amz-checksum-crc32c", "4waSgw==-2"}}),
           Error(404, "NoSuchKey"), Error(404, "NoSuchBucket"), Status(Code::kProtocol, "too long"),
           Status(Code::kProtocol, "torn").Retryable()});
  auto word = [&] {
    auto bytes = client().Get("k", 100, context_);
    return bytes.ok() ? ToString(*bytes) : Word(bytes.status());
  };
  EXPECT_EQ(word(), "123456789");
  EXPECT_EQ(http_->Header("x-amz-checksum-mode"), "ENABLED");
  EXPECT_EQ(word(), "123456789");  // damaged on the way, asked for again
  EXPECT_EQ(word(), "corrupt");
  EXPECT_EQ(word(), "123456780");  // a checksum of checksums says nothing here
  EXPECT_EQ(word(), "not_found");
  EXPECT_EQ(word(), "invalid_argument");  // never taken for a missing object
  EXPECT_EQ(word(), "corrupt");
  EXPECT_EQ(word(), "protocol!");
}

TEST_F(S3Test, RangesAreWhatWasAskedFor) {
  Bytes out(4);
  auto word = [&](Result<HttpResponse> answer, uint64_t offset = 3) {
    Answers({std::move(answer)});
    Status status = client().GetRange("k", offset, out, context_);
    return status.ok() ? ToString(out) : Word(status);
  };
  EXPECT_EQ(word(Answer(206, "defg", {{"content-range", "bytes 3-6/10"}})), "defg");
  EXPECT_EQ(http_->Header("Range"), "bytes=3-6");
  EXPECT_EQ(word(Answer(206, "de", {{"content-range", "bytes 3-4/5"}})), "corrupt");
  EXPECT_EQ(word(Error(416, "InvalidRange")), "corrupt");
  EXPECT_EQ(word(Answer(200, "abcd")), "unsupported");
  EXPECT_EQ(word(Answer(206, "abcd", {{"content-range", "bytes 0-3/10"}})), "unsupported");
  EXPECT_EQ(word(Answer(200, "", {{"content-length", "10"}}), UINT64_MAX), "corrupt");
  EXPECT_EQ(word(Error(404, "NoSuchKey")), "not_found");
}

TEST_F(S3Test, Lists) {
  Answers(
      {Answer(200,
              "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
              "<NextContinuationToken>next/1</NextContinuationToken>"
              "<Contents><Key>a%2Fb%20c</Key><LastModified>2026-11-18T12:26:40.000Z"
              "</LastModified><Size>12</Size><StorageClass>GLACIER</StorageClass></Contents>"
              "</ListBucketResult>"),
       Answer(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"),
       Answer(200, "<html/>"),
       Answer(200, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
       Answer(200, "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>")});
  auto page = client().List("a/", "a/0", 7, "", context_);
  ASSERT_TRUE(page.ok()) << page.status().message();
  EXPECT_EQ(http_->sent[0].url,
            "https://the-bucket.s3.eu-west-1.amazonaws.com/?list-type=2&encoding-type=url&"
            "max-keys=7&prefix=a%2F&start-after=a%2F0");
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "a/b c");
  EXPECT_EQ(page->objects[0].size, 12u);
  EXPECT_EQ(page->objects[0].modified_ms, kServerTime);
  EXPECT_EQ(page->objects[0].storage_class, "GLACIER");
  page = client().List("a/", "", 7, page->continuation, context_);
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(http_->sent.back().url, HasSubstr("continuation-token=next%2F1"));
  EXPECT_TRUE(page->continuation.empty());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Word(client().List("", "", 7, "", context_).status()), "protocol") << i;
  }
}

TEST_F(S3Test, ADocumentThatCannotBeReadIsAskedForOnceMore) {
  const std::string torn = "<ListBucketResult><IsTruncated>false</IsTruncatec>";
  Answers({Answer(200, torn),
           Answer(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"),
           Answer(200, torn), Answer(200, torn), Answer(200, "<!"),
           Answer(200, "<CreateResult><UploadId>u</UploadId></CreateResult>")});
  EXPECT_TRUE(client().List("", "", 7, "", context_).ok());
  Status status = client().List("", "", 7, "", context_).status();
  EXPECT_EQ(Word(status), "protocol");
  EXPECT_THAT(status.message(), HasSubstr("'the-bucket', s3:ListBucket"));
  EXPECT_THAT(status.hint(), HasSubstr("speak S3"));
  EXPECT_EQ(*client().CreateUpload("k", {}, context_), "u");
}

TEST_F(S3Test, DeletesManyAtOnce) {
  Answers({Answer(200, "<DeleteResult/>"),
           Answer(200,
                  "<DeleteResult><Error><Key>b&amp;</Key><Code>AccessDenied</Code></Error>"
                  "</DeleteResult>")});
  const std::vector<std::string> keys = {"a", "b&"};
  EXPECT_TRUE(client().DeleteMany(keys, context_).ok());
  EXPECT_THAT(http_->body, HasSubstr("<Object><Key>b&amp;</Key></Object>"));
  Status status = client().DeleteMany(keys, context_);
  EXPECT_EQ(Word(status), "permission");
  EXPECT_THAT(status.message(), HasSubstr("'b&'"));
}

TEST_F(S3Test, LocksAreAskedForAtThePut) {
  Answers({Answer(200), Answer(200, "<R><UploadId>u</UploadId></R>"),
           Answer(400,
                  "<Error><Code>InvalidRequest</Code><Message>Bucket is missing Object Lock "
                  "Configuration</Message></Error>")});
  const S3Storing locked{"STANDARD", "COMPLIANCE", int64_t{30} * 86'400'000};
  ByteView body = AsBytes("x");
  EXPECT_TRUE(client().Put("k", {&body, 1}, 0, locked, context_).ok());
  EXPECT_EQ(http_->Header("x-amz-object-lock-mode"), "COMPLIANCE");
  const std::string until = FormatUserTime((clock_.WallMillis() / 1000 + 30 * 86'400) * 1000);
  EXPECT_EQ(http_->Header("x-amz-object-lock-retain-until-date"), until);
  EXPECT_TRUE(client().CreateUpload("k", locked, context_).ok());
  EXPECT_EQ(http_->Header("x-amz-object-lock-retain-until-date"), until);
  Status status = client().Put("k", {&body, 1}, 0, locked, context_).status();
  EXPECT_EQ(Word(status), "unsupported");
  EXPECT_THAT(status.hint(), HasSubstr("Object Lock must be enabled"));
}

TEST_F(S3Test, ListsVersionsWithTheMarksBetween) {
  Answers({Answer(200,
                  "<ListVersionsResult><IsTruncated>true</IsTruncated><EncodingType>url"
                  "</EncodingType><NextKeyMarker>a%2F2</NextKeyMarker><NextVersionIdMarker>v2"
                  "</NextVersionIdMarker><DeleteMarker><Key>a%2F1</Key><VersionId>d1</VersionId>"
                  "<LastModified>2026-11-28T09:00:05.5Z</LastModified></DeleteMarker><Version><Key>"
                  "a%2F1</Key><VersionId>v3</VersionId><Size>7</Size><LastModified>"
                  "2026-11-28T09:00:06Z</LastModified></Version><Version><Key>a%2F1</Key>"
                  "<VersionId>v1</VersionId><Size>5</Size><StorageClass>GLACIER</StorageClass>"
                  "<LastModified>2026-11-28T09:00:00Z</LastModified></Version>"
                  "</ListVersionsResult>"),
           Answer(200,
                  "<ListVersionsResult><Version><Key>b</Key><VersionId>v9</VersionId><Size>1"
                  "</Size></Version></ListVersionsResult>"),
           Answer(200, "<VersioningConfiguration/>"),
           Answer(200,
                  "<VersioningConfiguration><Status>Suspended</Status>"
                  "</VersioningConfiguration>")});
  auto page = client().ListVersions("a/", "", "", context_);
  ASSERT_TRUE(page.ok()) << page.status().ToString();
  ASSERT_EQ(page->versions.size(), 3u);
  EXPECT_EQ(page->versions[0].id, "v3");
  EXPECT_EQ(page->versions[1].id, "d1");
  EXPECT_TRUE(page->versions[1].deleted);
  EXPECT_EQ(page->versions[2].size, 5u);
  EXPECT_EQ(page->versions[2].storage_class, "GLACIER");
  EXPECT_EQ(page->versions[2].key, "a/1");
  EXPECT_EQ(page->next_key, "a/2");
  EXPECT_EQ(page->next_id, "v2");
  EXPECT_EQ(Word(client().ListVersions("a/", page->next_key, "v2", context_).status()), "protocol")
      << "a version without a time";
  EXPECT_THAT(http_->sent.back().url, HasSubstr("key-marker=a%2F2&version-id-marker=v2"));
  EXPECT_FALSE(*client().KeepsVersions(context_));
  EXPECT_TRUE(*client().KeepsVersions(context_));
}

TEST_F(S3Test, ReadsOneVersion) {
  Answers({Answer(200), Error(404, "NoSuchVersion")});
  EXPECT_TRUE(client().Get("k", 10, context_, "v/1").ok());
  EXPECT_THAT(http_->sent.back().url, HasSubstr("versionId=v%2F1"));
  EXPECT_EQ(Word(client().Get("k", 10, context_, "v2").status()), "not_found");
}

TEST_F(S3Test, TheServersTimeComesWithAnyAnswer) {
  credentials_->changes = false;
  for (int status : {200, 403, 404}) {
    Answers({Answer(status)});
    EXPECT_EQ(*client().ServerTime(context_), kServerTime) << status;
  }
  Answers({Answer(503)});
  EXPECT_EQ(Word(client().ServerTime(context_).status()), "unavailable!");
}

TEST_F(S3Test, CountsRequestsByKind) {
  Answers(
      {Answer(200), Error(503, "SlowDown"), Error(404, "NoSuchKey"), Status(Code::kTimeout, "x")});
  EXPECT_EQ(PutWord(), "done");
  EXPECT_EQ(PutWord(), "unavailable!");
  EXPECT_FALSE(client().Get("k", 1, context_).ok());
  EXPECT_FALSE(client().Head("k", context_).ok());
  EXPECT_EQ(counters_->Of(S3Request::kPut), 2u);
  EXPECT_EQ(counters_->Of(S3Request::kGet), 1u);
  EXPECT_EQ(counters_->Of(S3Request::kHead), 1u);
  EXPECT_EQ(counters_->failures, 2u);
  EXPECT_EQ(counters_->slow_downs, 1u);
  EXPECT_EQ(NameOf(S3Request::kCompleteUpload), "complete_upload");
}

TEST_F(S3Test, OptionsAreChecked) {
  EXPECT_TRUE(S3Client::Check(options_).ok());
  auto wrong = [&](auto change) {
    S3Options options = options_;
    change(options);
    return S3Client::Check(options).code() == Code::kInvalidArgument;
  };
  EXPECT_TRUE(wrong([](S3Options& o) { o.bucket = ""; }));
  EXPECT_TRUE(wrong([](S3Options& o) { o.bucket = "a/b"; }));
  EXPECT_TRUE(wrong([](S3Options& o) { o.bucket = "UPPER"; }));
  EXPECT_TRUE(wrong([](S3Options& o) { o.region = "eu west"; }));
  EXPECT_TRUE(wrong([](S3Options& o) { o.endpoint = "s3.example.org"; }));
  EXPECT_TRUE(wrong([](S3Options& o) { o.endpoint = "http://h/path"; }));
  EXPECT_TRUE(wrong([](S3Options& o) { o.sse = "none"; }));
  EXPECT_TRUE(wrong([](S3Options& o) { o.kms_key_id = "k"; }));
}

}  // namespace
}  // namespace maxbrod::aws
