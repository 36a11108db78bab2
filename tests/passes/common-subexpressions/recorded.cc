# Nothing fires: what a call decides, draws or loses is recorded under its own path, and so is a draw under its own.
core recorded {training = true, parameters = [
    p("e.w", f32[4], uniform(0.5)),
    p("f.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4]
    %s = op mul (%h, %w) : f32[B, 4]
    %m = select "live" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
    %k = field "kept" (%m) : bool[B, 4]
    %y = op masked (%h, %k) {slots = ["x", "kept"]} : f32[B, 4]
    output "" = %y
  }
  chunk %c1 "f" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4]
    %y = op mul (%h, %w) : f32[B, 4]
    %l = op mean (%y) {axes = [-2, -1], keepdims = false} : f32[]
    output "" = %y
    loss "small" = %l
  }
  %a = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  %b = apply "e" (%x) {members = [""], single = true, body = %c0, call = "e@2"} : f32[B, 4]
  %c = apply "f" (%x) {members = [""], single = true, body = %c1} : f32[B, 4]
  %d = apply "f" (%x) {members = [""], single = true, body = %c1, call = "f@2"} : f32[B, 4]
  %n = op uniform (%x) {path = "noise.0"} : f32[B, 4]
  %o = op uniform (%x) {path = "noise.1"} : f32[B, 4]
  %1 = select "gate.0" (%x) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(1)]} : selection(bool[B, 4], f32[B, 4])
  %2 = select "gate.1" (%x) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(1)]} : selection(bool[B, 4], f32[B, 4])
  %k.0 = field "kept" (%1) : bool[B, 4]
  %k.1 = field "kept" (%2) : bool[B, 4]
  %p = op where (%k.0, %a, %b) : f32[B, 4]
  %q = op where (%k.1, %c, %d) : f32[B, 4]
  %r = op mul (%p, %n) : f32[B, 4]
  %s = op mul (%q, %o) : f32[B, 4]
  %t = op add (%r, %s) : f32[B, 4]
  output "y" = %t
}
# ---
core recorded {training = true, parameters = [
    p("e.w", f32[4], uniform(0.5)),
    p("f.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4]
    %s = op mul (%h, %w) : f32[B, 4]
    %m = select "live" (%s) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(2)]} : selection(bool[B, 4], f32[B, 4])
    %k = field "kept" (%m) : bool[B, 4]
    %y = op masked (%h, %k) {slots = ["x", "kept"]} : f32[B, 4]
    output "" = %y
  }
  %a = apply "e" (%x) {members = [""], single = true, body = %c0} : f32[B, 4]
  %b = apply "e" (%x) {members = [""], single = true, body = %c0, call = "e@2"} : f32[B, 4]
  chunk %c1 "f" {
    %h = input "h" : f32[B, 4]
    %w = param "w" : f32[4]
    %y = op mul (%h, %w) : f32[B, 4]
    %l = op mean (%y) {axes = [-2, -1], keepdims = false} : f32[]
    output "" = %y
    loss "small" = %l
  }
  %c = apply "f" (%x) {members = [""], single = true, body = %c1} : f32[B, 4]
  %d = apply "f" (%x) {members = [""], single = true, body = %c1, call = "f@2"} : f32[B, 4]
  %n = op uniform (%x) {path = "noise.0"} : f32[B, 4]
  %o = op uniform (%x) {path = "noise.1"} : f32[B, 4]
  %7 = select "gate.0" (%x) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(1)]} : selection(bool[B, 4], f32[B, 4])
  %8 = select "gate.1" (%x) {kind = "mask", grain = "neuron", slots = ["score"], rules = [top(1)]} : selection(bool[B, 4], f32[B, 4])
  %k.0 = field "kept" (%7) : bool[B, 4]
  %k.1 = field "kept" (%8) : bool[B, 4]
  %p = op where (%k.0, %a, %b) : f32[B, 4]
  %q = op where (%k.1, %c, %d) : f32[B, 4]
  %r = op mul (%p, %n) : f32[B, 4]
  %s = op mul (%q, %o) : f32[B, 4]
  %t = op add (%r, %s) : f32[B, 4]
  output "y" = %t
}
