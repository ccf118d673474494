#include "aws/sigv4.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "aws/uri.h"

namespace maxbrod::aws {
namespace {

constexpr int64_t kVectorTime = 1'440'938'160'000;  // 2015-08-30T12:36:00Z

// One case of sigv4_vectors.txt.
struct Vector {
  std::string name, method, path, query, body, canonical, header_signature, query_signature;
  std::vector<HttpHeader> headers;
  std::map<std::string, std::string> options;
};

// "POST /path?query HTTP/1.1", header lines (folded ones begin with a blank), body.
void ParseRawRequest(const std::string& raw, Vector* out) {
  std::istringstream in(raw);
  std::string line;
  std::getline(in, line);
  size_t target = line.find(' ') + 1;
  size_t end = line.rfind(' ');
  out->method = line.substr(0, target - 1);
  std::string uri = line.substr(target, end - target);
  size_t question = uri.find('?');
  out->path = uri.substr(0, question);
  if (question != std::string::npos) out->query = uri.substr(question + 1);
  while (std::getline(in, line) && !line.empty()) {
    if (line[0] == ' ') {
      out->headers.back().value += "\n" + line;
      continue;
    }
    size_t colon = line.find(':');
    out->headers.push_back({line.substr(0, colon), line.substr(colon + 1)});
  }
  std::getline(in, out->body, '\0');
}

std::vector<Vector> ReadVectors() {
  std::ifstream in(MAXBROD_SOURCE_DIR "/src/aws/sigv4_vectors.txt");
  std::vector<Vector> vectors;
  std::string line;
  std::string request;
  std::string* section = nullptr;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string mark, what, value;
    words >> mark >> what >> value;
    if (mark != "==") {
      if (section != nullptr) {
        *section += (section->empty() ? "" : "\n") + line;
      } else if (!vectors.empty()) {
        std::istringstream options(line);
        for (std::string option; options >> option;) {
          vectors.back().options[option.substr(0, option.find('='))] =
              option.substr(option.find('=') + 1);
        }
      }
      continue;
    }
    section = nullptr;
    if (what == "case") {
      vectors.emplace_back().name = value;
    } else if (what == "request") {
      request.clear();
      section = &request;
    } else if (what == "canonical") {
      ParseRawRequest(request, &vectors.back());
      section = &vectors.back().canonical;
    } else {
      (what == "header" ? vectors.back().header_signature : vectors.back().query_signature) = value;
    }
  }
  return vectors;
}

Credentials ExampleCredentials(std::string token = "") {
  return Credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", std::move(token)};
}

TEST(SigV4Test, PublishedVectorsOfHeaders) {
  std::vector<Vector> vectors = ReadVectors();
  EXPECT_EQ(vectors.size(), 38u);
  for (Vector& v : vectors) {
    SCOPED_TRACE(v.name);
    // Without normalization the path is signed as it is sent, as S3 has it.
    SigningScope scope{"us-east-1", "service", v.options["normalize"] == "0"};
    std::string path = scope.s3 ? UriEncode(v.path, true) : v.path;
    const std::string date = FormatAmzDate(kVectorTime);
    const ByteView body = AsBytes(v.body);
    const std::string hash = PayloadHash({&body, 1});
    v.headers.push_back({"X-Amz-Date", date});
    if (!v.options["token"].empty() && v.options["omit_token"] == "0") {
      v.headers.push_back({"X-Amz-Security-Token", v.options["token"]});
    }
    if (v.options["sign_body"] == "1") v.headers.push_back({"X-Amz-Content-Sha256", hash});
    auto canonical = internal::MakeCanonical({v.method, path, v.query, v.headers, hash}, scope);
    EXPECT_EQ(canonical.request, v.canonical);
    EXPECT_EQ(internal::Signature(ExampleCredentials(), scope, date, canonical.request),
              v.header_signature);
  }
}

std::string EncodeNonAscii(const std::string& text) {
  std::string out;
  for (char c : text) out += c < 0 ? UriEncode(std::string(1, c)) : std::string(1, c);
  return out;
}

TEST(SigV4Test, PublishedVectorsOfPresignedUrls) {
  int tested = 0;
  for (Vector& v : ReadVectors()) {
    if (v.headers.size() != 1 || v.options["omit_token"] == "1") continue;
    SCOPED_TRACE(v.name);
    SigningScope scope{"us-east-1", "service", v.options["normalize"] == "0"};
    // A URL holds the path encoded; services but S3 have it encoded once more, the vectors do not.
    std::string path = UriEncode(v.path, true);
    if (!scope.s3 && path.find('%') != std::string::npos) continue;
    std::string url = "https://example.amazonaws.com" + path;
    if (!v.query.empty()) url += "?" + EncodeNonAscii(v.query);
    auto signed_url = PresignUrl(ExampleCredentials(v.options["token"]), scope, v.method, url,
                                 PayloadHash({}), std::chrono::seconds(3600), kVectorTime);
    ASSERT_TRUE(signed_url.ok()) << signed_url.status().message();
    EXPECT_EQ(signed_url->substr(signed_url->rfind('=') + 1), v.query_signature) << *signed_url;
    ++tested;
  }
  EXPECT_GE(tested, 20);
}

// The examples of "Authenticating Requests: Using the Authorization Header (S3)" in AWS's
// documentation.
class S3ExamplesTest : public ::testing::Test {
 protected:
  static constexpr int64_t kTime = 1'369'353'600'000;  // 2013-05-24T00:00:00Z
  const SigningScope scope_{"us-east-1", "s3", true};
  const Credentials credentials_{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                 ""};

  std::string Authorization(HttpRequest request) {
    std::string hash = PayloadHash(request.body);
    EXPECT_TRUE(SignRequest(credentials_, scope_, hash, kTime, &request).ok());
    return request.headers.back().value;
  }
};

TEST_F(S3ExamplesTest, GetObject) {
  HttpRequest request;
  request.method = "GET";
  request.url = "https://examplebucket.s3.amazonaws.com/test.txt";
  request.headers = {{"Range", "bytes=0-9"}};
  EXPECT_EQ(Authorization(request),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3ExamplesTest, PutObject) {
  const std::string body = "Welcome to Amazon S3.";
  HttpRequest request;
  request.method = "PUT";
  request.url = "https://examplebucket.s3.amazonaws.com/test%24file.text";
  request.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.body = {AsBytes(body)};
  EXPECT_EQ(Authorization(request),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
            "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_F(S3ExamplesTest, BucketQueries) {
  HttpRequest request;
  request.method = "GET";
  request.url = "https://examplebucket.s3.amazonaws.com/?lifecycle";
  EXPECT_TRUE(Authorization(request).ends_with(
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
  request.url = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J";
  EXPECT_TRUE(Authorization(request).ends_with(
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST_F(S3ExamplesTest, PresignedUrl) {
  auto url =
      PresignUrl(credentials_, scope_, "GET", "https://examplebucket.s3.amazonaws.com/test.txt",
                 kUnsignedPayload, std::chrono::seconds(86'400), kTime);
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(*url,
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(SigV4Test, PathsAreSignedOncePercentEncodedByS3AndTwiceByOthers) {
  internal::CanonicalParts parts{"GET", "/a%20b/../c", "", {}, ""};
  auto path = [&](bool s3) {
    std::string request = internal::MakeCanonical(parts, {"r", "s", s3}).request;
    return request.substr(4, request.find('\n', 4) - 4);
  };
  EXPECT_EQ(path(true), "/a%20b/../c");
  EXPECT_EQ(path(false), "/c");
  parts.path = "/a%20b";
  EXPECT_EQ(path(true), "/a%20b");
  EXPECT_EQ(path(false), "/a%2520b");
}

TEST(SigV4Test, HostHeaderCarriesAPortOfItsOwn) {
  HttpRequest request;
  request.method = "GET";
  request.url = "http://127.0.0.1:7070/";
  ASSERT_TRUE(
      SignRequest(ExampleCredentials("token"), {"r", "s3", true}, PayloadHash({}), 0, &request)
          .ok());
  ASSERT_EQ(request.headers.size(), 5u);
  EXPECT_EQ(request.headers[0].value, "127.0.0.1:7070");
  EXPECT_EQ(request.headers[2].value, "token");
  request.url = "not a url";
  EXPECT_EQ(SignRequest(ExampleCredentials(), {"r", "s", false}, "", 0, &request).code(),
            Code::kInvalidArgument);
}

TEST(UriTest, Parses) {
  auto uri = ParseUri("HTTPS://Host.example:8443/a%20b?x=1&y");
  ASSERT_TRUE(uri.ok()) << uri.status().message();
  EXPECT_EQ(uri->scheme, "https");
  EXPECT_EQ(uri->Authority(), "host.example:8443");
  EXPECT_EQ(uri->path, "/a%20b");
  EXPECT_EQ(uri->query, "x=1&y");
  EXPECT_EQ(ParseUri("http://h:80")->Authority(), "h");
  EXPECT_EQ(ParseUri("http://[::1]:99/")->Authority(), "[::1]:99");
  EXPECT_EQ(ParseUri("http://[::1]/")->host, "[::1]");
  for (const char* bad : {"", "x", "ftp://h", "http://", "http://h:0", "http://h:x", "http://h:1:2",
                          "http://u:hunter2@h/", "http://h/ b", "http://h/#f", "http://h\n"}) {
    auto parsed = ParseUri(bad);
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument) << bad;
    EXPECT_EQ(parsed.status().message().find("hunter2"), std::string::npos);
  }
}

TEST(UriTest, PercentEncoding) {
  EXPECT_EQ(UriEncode("aZ09-._~/ +\xc3\xa4"), "aZ09-._~%2F%20%2B%C3%A4");
  EXPECT_EQ(UriEncode("a/b", true), "a/b");
  EXPECT_EQ(UriDecode("a%2Fb+%c3"), "a/b+\xc3");
  EXPECT_FALSE(UriDecode("%").has_value());
  EXPECT_FALSE(UriDecode("%2").has_value());
  EXPECT_FALSE(UriDecode("%zz").has_value());
}

TEST(UriTest, Dates) {
  EXPECT_EQ(FormatAmzDate(kVectorTime + 999), "20150830T123600Z");
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000);
  EXPECT_EQ(ParseIsoDate("2015-08-30T12:36:00Z"), kVectorTime);
  EXPECT_EQ(ParseIsoDate("2015-08-30T12:36:00.12Z"), kVectorTime + 120);
  EXPECT_EQ(ParseIsoDate("2015-08-30T12:36:00.123456Z"), kVectorTime + 123);
  for (const char* bad : {"", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 24:49:37 GMT"}) {
    EXPECT_FALSE(ParseHttpDate(bad).has_value()) << bad;
  }
  for (const char* bad :
       {"", "2015-08-30T12:36:00", "2015-13-30T12:36:00Z", "2015-08-30T12:36:00.Z",
        "2015-08-30T12:36:00.x1Z", "2015-08-30 12:36:00Z"}) {
    EXPECT_FALSE(ParseIsoDate(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace maxbrod::aws
