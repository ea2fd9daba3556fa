# What each unit test links besides itself: the module it tests and what that module needs, nothing else.
D_pdu      := $(addprefix dissect/,pdu.o bind.o request.o auth.o uuid.o cursor.o)
D_names    := $(addprefix dissect/,names.o interfaces.o)
D_conversation := $(addprefix dissect/,conversation.o rpc_call.o wire.o) $(D_names) $(D_pdu)
P_settings := $(addprefix proxy/,address.o call_rules.o nearest.o value.o settings.o settings_interfaces.o \
              settings_keys.o settings_print.o settings_read.o settings_report.o settings_scalar.o settings_shim.o \
              settings_text.o settings_tree.o settings_yaml.o) preload/net.o $(D_names) dissect/uuid.o dissect/cursor.o
P_policy   := $(patsubst %.c,%.o,$(wildcard policy/*.c))

test_cursor_objects   := dissect/cursor.o
test_uuid_objects     := dissect/uuid.o dissect/cursor.o
test_auth_objects     := dissect/auth.o dissect/cursor.o
test_request_objects  := dissect/request.o dissect/uuid.o dissect/cursor.o
test_bind_objects     := dissect/bind.o dissect/uuid.o dissect/cursor.o
test_pdu_objects      := $(D_pdu)
test_frame_objects    := dissect/frame.o
test_gather_objects   := dissect/gather.o
test_compose_objects  := dissect/compose.o $(D_pdu)
test_names_objects    := $(D_names) dissect/uuid.o dissect/cursor.o
test_interfaces_objects := $(D_names) dissect/uuid.o dissect/cursor.o
test_sink_objects     := dissect/sink.o
test_text_objects     := dissect/text.o dissect/sink.o $(D_names) $(D_pdu)
test_datagram_objects := dissect/datagram.o $(D_names) $(D_pdu)
test_packet_objects     := dissect/packet.o
test_defragment_objects := dissect/defragment.o dissect/packet.o
test_stream_objects     := dissect/stream.o
test_tower_objects      := $(addprefix dissect/,tower.o uuid.o cursor.o)
test_wire_objects       := dissect/wire.o
test_reader_objects     := dissect/reader.o dissect/frame.o $(D_pdu)
test_conversation_objects := $(D_conversation) dissect/compose.o
test_smb_objects        := $(addprefix dissect/,smb.o smb1.o smb2.o reader.o frame.o) $(D_conversation) dissect/compose.o
test_flows_objects      := dissect/flows.o dissect/packet.o
test_latency_objects    := dissect/latency.o
test_traffic_objects    := $(addprefix dissect/,traffic.o connection.o flows.o stream.o defragment.o packet.o datagram.o \
                           smb.o smb1.o smb2.o reader.o frame.o) $(D_conversation) dissect/compose.o
test_inspect_filter_objects := dissect/inspect_filter.o dissect/rpc_call.o $(D_names) dissect/uuid.o dissect/cursor.o
test_inspect_agenda_objects := dissect/inspect_agenda.o
test_inspect_blocks_objects := dissect/inspect_blocks.o
test_value_objects    := proxy/value.o
test_unsent_objects   := proxy/unsent.o
test_aliases_objects  := proxy/aliases.o proxy/askers.o
test_towers_objects   := dissect/towers.o
test_endpoints_objects := proxy/endpoints.o proxy/address.o preload/net.o dissect/towers.o
test_net_objects      := preload/net.o
test_address_objects  := proxy/address.o
test_command_objects  := proxy/command.o
test_stats_objects    := proxy/stats.o policy/explain.o
test_humane_objects   := proxy/humane.o
test_history_objects  := $(addprefix proxy/,history.o sentence.o command.o humane.o) policy/explain.o $(D_names) \
                         dissect/uuid.o dissect/cursor.o
test_ctl_line_objects := proxy/ctl_line.o
test_settings_objects := $(P_settings)
test_settings_libs    := -lfyaml
test_call_rules_objects := $(P_settings)
test_call_rules_libs    := -lfyaml
test_settings_merge_objects := $(P_settings) proxy/settings_merge.o proxy/roster.o proxy/origin.o
test_settings_merge_libs    := -lfyaml
test_settings_explain_objects := $(P_settings) $(addprefix proxy/,settings_explain.o knowledge.o)
test_offers_objects := $(P_settings) proxy/offers.o proxy/knowledge.o dissect/compose.o $(D_pdu)
test_offers_libs    := -lfyaml
test_knowledge_objects := $(P_settings) proxy/knowledge.o
test_knowledge_libs    := -lfyaml
test_origin_objects := $(P_settings) proxy/roster.o proxy/origin.o
test_origin_libs    := -lfyaml
test_settings_explain_libs    := -lfyaml

test_deadline_objects      := policy/deadline.o
test_evidence_objects      := policy/evidence.o
test_group_objects         := $(P_policy)
test_admit_objects         := $(P_policy)
test_policy_objects        := $(P_policy)
test_policy_random_objects := $(P_policy)
