#include "decoder.h"

#include <algorithm>
#include <map>

#include "ctdet.h"
#include "e2ec.h"
#include "movenet.h"
#include "multi_pose.h"
#include "simcc.h"
#include "snake.h"
#include "snake_rcnn.h"
#include "text.h"
#include "top_down.h"

namespace surgery {
namespace {

template <typename Kind>
std::unique_ptr<Decoder> make(const Field& field) {
    return std::make_unique<Kind>(field);
}

}  // namespace

Tensor Decoding::refined(const Feeds& feeds, const std::string& wanted) {
    const Stopwatch::Scope scope(watch, Stage::refine);
    return std::move(refine->run(feeds, {wanted}).at(wanted));
}

void Decoding::keep(const std::string& name, const TensorView& array) {
    if (trace != nullptr) {
        (*trace)[name] = Tensor(array.shape, {array.data, array.data + array.size()});
    }
}

Tensors Decoder::merge_flipped(const Feeds& /*heads*/, const Feeds& /*mirrored*/,
                               const std::vector<std::int64_t>& /*order*/) const {
    throw InputError("the decoder has no flip test");
}

std::unique_ptr<Decoder> make_decoder(const Bundle& bundle, const nlohmann::json& threshold) {
    using Make = std::unique_ptr<Decoder> (*)(const Field&);
    static const std::map<std::string, Make> kDecoders = {
        {"ctdet", make<CTDet>},          {"e2ec", make<E2EC>},   {"keypoints", make<TopDown>},
        {"movenet", make<MoveNet>},      {"simcc", make<SimCC>}, {"multi_pose", make<MultiPose>},
        {"snake_rcnn", make<SnakeRcnn>}, {"snake", make<Snake>},
    };
    const auto found = kDecoders.find(bundle.decoder);
    if (found == kDecoders.end()) {
        std::vector<std::string> names;
        for (const auto& [name, build] : kDecoders) {
            names.push_back(name);
        }
        throw InputError("the bundle's decoder '" + bundle.decoder +
                         "' is not in this program, which has " + listed(names) +
                         ": use python -m postprocess");
    }
    nlohmann::json parameters = bundle.decoder_parameters;
    if (!threshold.is_null()) {
        parameters["threshold"] = threshold;
    }
    return found->second(Field(parameters, "bundle.json", "decoder"));
}

const TensorView& head(const Feeds& heads, const std::string& name) {
    const auto found = heads.find(name);
    if (found == heads.end()) {
        std::vector<std::string> names;
        for (const auto& [known, array] : heads) {
            names.push_back(known);
        }
        throw InputError("the decoder needs head '" + name + "', the backbone gives " +
                         listed(names));
    }
    return found->second;
}

}  // namespace surgery
