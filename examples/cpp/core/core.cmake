# Sources of core/ that need nothing but nlohmann-json and the decoding library; one of the
# resize_*.cpp goes with them.
set(SURGERY_CORE_SOURCES
  box_contours.cpp bundle.cpp contour_heads.cpp contours.cpp ctdet.cpp decoder.cpp e2ec.cpp field.cpp
  flip.cpp graph.cpp joints.cpp json_runtime.cpp kernels.cpp maps.cpp movenet.cpp multi_pose.cpp person.cpp
  preprocess.cpp result.cpp runtime.cpp simcc.cpp snake.cpp snake_rcnn.cpp top_down.cpp warp.cpp)
list(TRANSFORM SURGERY_CORE_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
