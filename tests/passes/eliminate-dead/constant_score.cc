# Scores that are numbers decide once and for all, ties by index; members read one by one are cut from the array.
core constant {training = false, parameters = [
    p("e.a.w", f32[4], uniform(0.5)),
    p("e.b.w", f32[4], uniform(0.5)),
    p("e.c.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = op ones {shape = [B], dtype = f32} : f32[B]
  %2 = op zeros {shape = [B], dtype = f32} : f32[B]
  %s = op stack (%2, %1, %1) {axis = -1} : f32[B, 3]
  %r = select "r" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 3], f32[B, 3])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    output "" = %y
  }
  %e = apply "e" (%x) {members = ["a", "b", "c"], body = %c0} : bundle[3](f32[B, 4])
  %a = field "0" (%e) : f32[B, 4]
  %b = field "1" (%e) : f32[B, 4]
  %c = field "2" (%e) : f32[B, 4]
  %y = fuse "stack" (%a, %b, %c, %r) {by = true} : f32[B, 3, 4]
  output "y" = %y
}
# ---
core constant {training = false, parameters = [
    p("e.a.w", f32[4], uniform(0.5)),
    p("e.b.w", f32[4], uniform(0.5)),
    p("e.c.w", f32[4], uniform(0.5)),
  ]} {
  %x = input "x" : f32[B, 4]
  %1 = op ones {shape = [B], dtype = f32} : f32[B]
  %2 = op zeros {shape = [B], dtype = f32} : f32[B]
  %s = op stack (%2, %1, %1) {axis = -1} : f32[B, 3]
  %r = select "r" (%s) {kind = "router", slots = ["score"], rules = [top(1)]} : selection(bool[B, 3], f32[B, 3])
  chunk %c0 "e" {
    %h = input "h" : f32[B, 4]
    %v = param "w" : f32[4]
    %y = op mul (%h, %v) : f32[B, 4]
    output "" = %y
  }
  %e = apply "e" (%x) {members = ["b"], body = %c0, single = true} : f32[B, 4]
  %6 = op zeros {shape = [B, 4], dtype = f32} : f32[B, 4]
  %y = fuse "stack" (%6, %e, %6, %r) {by = true} : f32[B, 3, 4]
  output "y" = %y
}
