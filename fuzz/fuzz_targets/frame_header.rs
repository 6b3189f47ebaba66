#![cfg_attr(fuzzing, no_main)]
websocket_proto_fuzz::target!(frame_header);
