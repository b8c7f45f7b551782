// SPDX-License-Identifier: Apache-2.0
#include "pth/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <ios>

#include "pth/bytes.h"

namespace shoplens {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;

struct Directory {
  std::uint64_t entries, offset;
};

// The end record stands last, before a comment of at most 64 KiB.
Directory find_directory(std::string_view bytes, ByteReader& in) {
  constexpr std::size_t kEndSize = 22, kLocatorSize = 20;
  const std::size_t first = bytes.size() > kEndSize + 65535 ? bytes.size() - kEndSize - 65535 : 0;
  for (std::size_t at = bytes.size() < kEndSize ? 0 : bytes.size() - kEndSize + 1; at-- > first;) {
    in.seek(at);
    if (in.left() < kEndSize || in.number<std::uint32_t>() != kEnd) continue;
    in.take(6);  // disks, entries on this disk
    const auto entries = in.number<std::uint16_t>();
    in.take(4);
    const auto offset = in.number<std::uint32_t>();
    if (entries != 0xffff && offset != 0xffffffff) return {entries, offset};
    if (at < kLocatorSize) in.corrupt("want a zip64 locator, got none");
    in.seek(at - kLocatorSize);
    if (in.number<std::uint32_t>() != kEnd64Locator) in.corrupt("want a zip64 locator, got none");
    in.take(4);
    in.seek(in.number<std::uint64_t>());
    if (in.number<std::uint32_t>() != kEnd64) in.corrupt("want a zip64 end record, got none");
    in.take(28);  // size, versions, disks, entries on this disk
    const auto entries64 = in.number<std::uint64_t>();
    in.take(8);
    return {entries64, in.number<std::uint64_t>()};
  }
  in.corrupt("want a zip archive, got no end record");
}

// Fills the fields that 32 bits were too few for, in the order of the format.
void read_zip64(std::string_view extra, const std::string& name, std::uint64_t& size,
                std::uint64_t& packed, std::uint64_t& offset) {
  ByteReader in(extra, name);
  while (in.left() >= 4) {
    const auto tag = in.number<std::uint16_t>();
    const auto length = in.number<std::uint16_t>();
    ByteReader field(in.take(length), name);
    if (tag != 1) continue;
    for (std::uint64_t* value : {&size, &packed, &offset})
      if (*value == 0xffffffff) *value = field.number<std::uint64_t>();
  }
}

// A checksum of 0 is none: torch.serialization.set_crc32_options(False).
void check_sum(std::string_view bytes, std::uint32_t want, const std::string& entry,
               const std::string& name) {
  const auto got = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  if (want == 0 || got == want) return;
  throw Error(ErrorCode::kCorrupt,
              join("checkpoint: want the entry ", entry, " with the checksum ", std::hex, want,
                   ", got ", got, " (", name, ")"),
              "the file is damaged: download or copy it again");
}

}  // namespace

std::map<std::string, std::string_view> read_zip(std::string_view bytes, const std::string& name) {
  ByteReader in(bytes, name);
  const Directory directory = find_directory(bytes, in);
  std::map<std::string, std::string_view> entries;
  std::uint64_t room = bytes.size();  // so that no byte's checksum is taken without end
  in.seek(directory.offset);
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (in.number<std::uint32_t>() != kCentral)
      in.corrupt("want entry ", i, " of the zip directory, got other bytes");
    in.take(4);  // versions
    const auto flags = in.number<std::uint16_t>(), method = in.number<std::uint16_t>();
    in.take(4);  // time, date
    const auto sum = in.number<std::uint32_t>();
    std::uint64_t packed = in.number<std::uint32_t>(), size = in.number<std::uint32_t>();
    const auto name_length = in.number<std::uint16_t>(), extra_length = in.number<std::uint16_t>(),
               comment_length = in.number<std::uint16_t>();
    in.take(8);  // disk, attributes
    std::uint64_t offset = in.number<std::uint32_t>();
    const std::string entry(in.take(name_length));
    read_zip64(in.take(extra_length), name, size, packed, offset);
    in.take(comment_length);
    if (method != 0 || (flags & 1) || packed != size)
      throw Error(ErrorCode::kUnsupported,
                  join("checkpoint: want stored entries, got ", entry, " compressed (", name, ")"),
                  "torch.save does not compress; unzip the file and save it again");
    ByteReader local(bytes, name);
    local.seek(offset);
    if (local.number<std::uint32_t>() != kLocal)
      in.corrupt("want the entry ", entry, " at ", offset, ", got other bytes");
    local.take(22);
    const auto local_name = local.number<std::uint16_t>(),
               local_extra = local.number<std::uint16_t>();
    local.take(local_name);
    local.take(local_extra);
    if (size > room) in.corrupt("want entries that do not overlap, got more than the file holds");
    room -= size;
    const std::string_view content = local.take(size);
    check_sum(content, sum, entry, name);
    if (!entries.emplace(entry, content).second)
      in.corrupt("want each entry once, got ", entry, " twice");
  }
  return entries;
}

}  // namespace shoplens
