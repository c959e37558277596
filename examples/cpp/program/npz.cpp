#include "npz.h"

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>

#include "error.h"

namespace surgery {
namespace {

/// Bytes with checked access: every offset in the file is somebody else's word.
class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    Bytes part(std::size_t offset, std::size_t length) const {
        if (offset > size_ || length > size_ - offset) {
            throw InputError("it is cut short");
        }
        return {data_ + offset, length};
    }

    template <typename Value>
    Value little(std::size_t offset) const {  // this program runs on little-endian machines
        Value value;
        std::memcpy(&value, part(offset, sizeof value).data_, sizeof value);
        return value;
    }

    std::string text() const { return {data_, data_ + size_}; }
    const std::uint8_t* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
};

/// The content of a deflated member, whose length the archive states.
std::vector<std::uint8_t> inflated(const Bytes& packed, std::size_t length) {
    constexpr std::size_t kMostRatio = 1100;  // deflate does not pack tighter than 1032 to 1
    if (length / kMostRatio > packed.size()) {
        throw InputError("a member is said to be larger than its data can hold");
    }
    std::vector<std::uint8_t> content(length);
    z_stream stream{};
    inflateInit2(&stream, -MAX_WBITS);
    stream.next_in = const_cast<std::uint8_t*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = content.data();
    stream.avail_out = static_cast<uInt>(content.size());
    const int status = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (status != Z_STREAM_END || stream.total_out != length) {
        throw InputError("a member does not inflate");
    }
    return content;
}

template <typename Value>
void append(const Bytes& data, std::size_t count, std::vector<double>& values) {
    data.part(0, count * sizeof(Value));
    for (std::size_t i = 0; i < count; ++i) {
        values.push_back(static_cast<double>(data.little<Value>(i * sizeof(Value))));
    }
}

/// The .npy format, version 1 to 3: magic, version, length of the header, header as a Python dict.
NpyArray npy(const Bytes& file) {
    if (file.part(0, 6).text() != "\x93NUMPY") {
        throw InputError("a member is not a .npy file");
    }
    const bool version_1 = file.little<std::uint8_t>(6) == 1;
    const std::size_t start = version_1 ? 10 : 12;
    const std::size_t length =
        version_1 ? file.little<std::uint16_t>(8) : file.little<std::uint32_t>(8);
    const std::string header = file.part(start, length).text();
    static const std::regex kHeader(
        R"re(\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \}\s*)re");
    std::smatch match;
    if (!std::regex_match(header, match, kHeader)) {
        throw InputError("a member has the header " + header.substr(0, 80) +
                         ": expected a plain array in row-major order");
    }
    NpyArray array;
    const std::string sides = match[2];
    static const std::regex kNumber("[0-9]{1,9}");
    for (std::sregex_iterator at(sides.begin(), sides.end(), kNumber), end; at != end; ++at) {
        array.shape.push_back(std::stoll(at->str()));
    }
    const std::size_t count = elements(array.shape);
    const Bytes data = file.part(start + length, file.size() - start - length);
    if (count > data.size()) {
        throw InputError("it is cut short");
    }
    const std::string dtype = match[1];
    if (dtype == "<f4") {
        append<float>(data, count, array.values);
    } else if (dtype == "<f8") {
        append<double>(data, count, array.values);
    } else if (dtype == "<i4") {
        append<std::int32_t>(data, count, array.values);
    } else if (dtype == "<i8") {
        append<std::int64_t>(data, count, array.values);
    } else if (dtype == "|u1" || dtype == "|b1") {
        append<std::uint8_t>(data, count, array.values);
    } else {
        throw InputError("a member has the dtype " + dtype + ", which is not read here");
    }
    return array;
}

/// Offset of the end-of-central-directory record, which stands last but for a comment.
std::size_t directory_end(const Bytes& file) {
    constexpr std::size_t kRecord = 22;
    for (std::size_t at = file.size() < kRecord ? 0 : file.size() - kRecord + 1; at-- > 0;) {
        if (file.little<std::uint32_t>(at) == 0x06054b50) {
            return at;
        }
    }
    throw InputError("it has no ZIP directory");
}

std::map<std::string, NpyArray> members(const Bytes& file) {
    const std::size_t end = directory_end(file);
    const auto count = file.little<std::uint16_t>(end + 10);
    std::size_t at = file.little<std::uint32_t>(end + 16);
    std::map<std::string, NpyArray> arrays;
    for (unsigned i = 0; i < count; ++i) {
        const Bytes entry = file.part(at, 46);
        const auto method = entry.little<std::uint16_t>(10);
        const std::size_t packed = entry.little<std::uint32_t>(20);
        const std::size_t length = entry.little<std::uint32_t>(24);
        const std::size_t name_length = entry.little<std::uint16_t>(28);
        const std::size_t extra = entry.little<std::uint16_t>(30);
        const std::size_t comment = entry.little<std::uint16_t>(32);
        const std::size_t local = entry.little<std::uint32_t>(42);
        std::string name = file.part(at + 46, name_length).text();
        const std::size_t data = local + 30 + file.little<std::uint16_t>(local + 26) +
                                 file.little<std::uint16_t>(local + 28);
        at += 46 + name_length + extra + comment;
        if (name.size() > 4 && name.compare(name.size() - 4, 4, ".npy") == 0) {
            name.resize(name.size() - 4);
        }
        const Bytes content = file.part(data, packed);
        if (method == 0) {
            arrays[name] = npy(content);
        } else if (method == Z_DEFLATED) {
            const std::vector<std::uint8_t> bytes = inflated(content, length);
            arrays[name] = npy({bytes.data(), bytes.size()});
        } else {
            throw InputError("member " + name + " is neither stored nor deflated");
        }
    }
    return arrays;
}

}  // namespace

std::map<std::string, NpyArray> read_npz(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw InputError(path.string() + ": cannot be read");
    }
    const std::vector<char> content{std::istreambuf_iterator<char>(file),
                                    std::istreambuf_iterator<char>()};
    try {
        return members({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
    } catch (const InputError& error) {
        throw InputError(path.string() + ": not an .npz file that can be read: " + error.what());
    }
}

}  // namespace surgery
