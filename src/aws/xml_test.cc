#include "aws/xml.h"

#include <gtest/gtest.h>

namespace maxbrod::aws {
namespace {

TEST(XmlTest, ReadsAnAnswerOfS3) {
  auto xml = ParseXml(
      AsBytes("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<s3:ListBucketResult xmlns:s3=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
              "  <Name>b&amp;&#x20;c</Name><Contents><Key>a</Key></Contents>"
              "<Contents><Key>\xc3\xa4</Key><Size/></Contents></s3:ListBucketResult>\n"));
  ASSERT_TRUE(xml.ok()) << xml.status().message();
  EXPECT_EQ(xml->name, "ListBucketResult");
  EXPECT_EQ(xml->Text("Name"), "b& c");
  ASSERT_EQ(xml->children.size(), 3u);
  EXPECT_EQ(xml->children[2].Text("Key"), "\xc3\xa4");
  EXPECT_EQ(xml->children[2].Text("Size"), "");
  EXPECT_EQ(xml->Text("Absent"), "");
  EXPECT_EQ(xml->Child("Absent"), nullptr);
}

TEST(XmlTest, RefusesWhatIsMalformed) {
  for (const char* bad : {"", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&nothing;</a>",
                          "<a>\x01</a>", "{\"json\": 1}", "<a>\xff\xfe</a>", "<html><br></html>"}) {
    EXPECT_EQ(ParseXml(AsBytes(bad)).status().code(), Code::kProtocol) << bad;
  }
}

TEST(XmlTest, RefusesDocumentTypes) {
  auto xml = ParseXml(
      AsBytes("<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>"));
  EXPECT_EQ(xml.status().code(), Code::kProtocol);
  EXPECT_NE(xml.status().message().find("document type"), std::string::npos);
}

TEST(XmlTest, IsBounded) {
  XmlLimits limits{3, 10};
  EXPECT_TRUE(ParseXml(AsBytes("<a><b><c>x</c></b></a>"), limits).ok());
  EXPECT_FALSE(ParseXml(AsBytes("<a><b><c><d/></c></b></a>"), limits).ok());
  std::string wide = "<a>";
  for (int i = 0; i < 9; ++i) wide += "<b/>";
  EXPECT_TRUE(ParseXml(AsBytes(wide + "</a>"), limits).ok());
  EXPECT_FALSE(ParseXml(AsBytes(wide + "<b/></a>"), limits).ok());
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_FALSE(ParseXml(AsBytes(deep)).ok());
}

TEST(XmlTest, Escapes) {
  EXPECT_EQ(XmlEscape("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&apos;");
}

}  // namespace
}  // namespace maxbrod::aws
